import { globSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '..');

/** One import of one module. */
interface Import {
  readonly file: string;
  /** A file of ours from the root, or a package, or a module of Node. */
  readonly target: string;
  readonly isTypeOnly: boolean;
  readonly isDynamic: boolean;
}

const FILES = globSync('src/**/*.ts', { cwd: ROOT })
  .filter((file) => !file.endsWith('.d.ts'))
  .toSorted();

const STATEMENT = /^(?:import|export)\s+(?:(?<clause>[^'"]*?)\s+from\s+)?'(?<specifier>[^']+)'/gm;
const DYNAMIC = /\bimport\(\s*'(?<specifier>[^']+)'\s*\)/g;

function importsOf(file: string): Import[] {
  const source = readFileSync(join(ROOT, file), 'utf8');
  const to = (specifier: string) =>
    specifier.startsWith('.') ? posix.join(posix.dirname(file), specifier) : specifier;
  const statements = [...source.matchAll(STATEMENT)].map(({ groups = {} }) => ({
    file,
    target: to(groups.specifier ?? ''),
    isTypeOnly: isTypeOnly(groups.clause),
    isDynamic: false,
  }));
  const dynamic = [...source.matchAll(DYNAMIC)].map(({ groups = {} }) => ({
    file,
    target: to(groups.specifier ?? ''),
    isTypeOnly: false,
    isDynamic: true,
  }));
  return [...statements, ...dynamic];
}

/** `type X`, `type { X }` or `{ type X, type Y }`: nothing of it is left at run time. */
function isTypeOnly(clause: string | undefined): boolean {
  if (clause === undefined) return false;
  if (clause.startsWith('type ')) return true;
  const named = clause.match(/^\{(?<names>[^}]*)\}$/)?.groups?.names;
  if (named === undefined) return false;
  const names = named.split(',').map((name) => name.trim());
  return names.every((name) => name === '' || name.startsWith('type '));
}

const IMPORTS = FILES.flatMap(importsOf);

/** What a folder, or a file, may import: prefixes of targets. */
interface Rule {
  readonly of: string;
  readonly may: readonly string[];
  /** Further ones, of which only types. */
  readonly mayTypes?: readonly string[];
}

/** The first rule that fits a file holds. */
const RULES: readonly Rule[] = [
  { of: 'src/core/', may: ['src/core/'] },
  {
    of: 'src/endpoint/',
    may: ['src/endpoint/', 'undici', 'zod', 'node:string_decoder'],
    mayTypes: ['src/core/types.ts'],
  },
  {
    of: 'src/sinks/',
    may: ['src/sinks/', 'src/core/', '@aws-sdk/', '@smithy/', 'node:'],
    mayTypes: ['src/clock.ts'],
  },
  {
    of: 'src/sidecar.ts',
    may: ['src/core/'],
    mayTypes: [
      'src/clock.ts',
      'src/config.ts',
      'src/endpoint/client.ts',
      'src/log.ts',
      'src/proc/task-processes.ts',
      'src/recorder.ts',
      'src/shutdown.ts',
      'src/sinks/sink.ts',
    ],
  },
  {
    of: 'src/reading/',
    may: ['src/reading/', 'src/core/', 'src/sinks/policy.ts', 'src/sinks/retry.ts', '@aws-sdk/', 'node:'],
    mayTypes: ['src/clock.ts'],
  },
  {
    of: 'src/report/page/',
    may: [
      'src/report/page/',
      'src/report/notes.ts',
      'src/report/printable.ts',
      'src/report/quantities.ts',
      'src/core/line.ts',
      'node:crypto',
      'string-width',
      'vega',
    ],
    mayTypes: ['src/report/report-document.ts'],
  },
  {
    of: 'src/report/',
    may: ['src/report/', 'src/core/', 'src/reading/line-identities.ts', 'src/version.ts', 'string-width'],
    mayTypes: ['src/reading/'],
  },
  { of: 'src/proc/', may: ['src/proc/', 'src/core/types.ts', 'node:fs', 'node:path'] },
  {
    of: 'src/local/',
    may: ['src/local/', 'src/core/fargate-sizes.ts', 'src/core/types.ts', 'src/proc/', 'node:', 'zod'],
    mayTypes: ['src/clock.ts'],
  },
  {
    of: 'src/report/',
    may: ['src/report/', 'src/core/', 'src/reading/line-identities.ts', 'src/version.ts', 'string-width'],
    mayTypes: ['src/reading/'],
  },
  { of: 'src/deploy/', may: ['src/deploy/'] },
  // It reads the system's clock, as the sidecar's main.ts does.
  {
    of: 'src/subscription/main.ts',
    may: ['src/subscription/', 'src/clock.ts'],
  },
  {
    of: 'src/subscription/',
    may: [
      'src/subscription/',
      'src/core/',
      'src/sinks/retry.ts',
      'undici',
      '@aws-sdk/client-secrets-manager',
      '@aws-sdk/client-sqs',
      '@smithy/',
      'node:',
    ],
    mayTypes: ['src/clock.ts'],
  },
  { of: 'src/cdk/', may: ['src/deploy/', 'aws-cdk-lib', 'constructs'] },
  { of: 'src/notifier/main.ts', may: ['src/notifier/', 'src/clock.ts'] },
  // Its clients of AWS are in one file.
  {
    of: 'src/notifier/aws.ts',
    may: ['@aws-sdk/'],
    mayTypes: ['src/notifier/log-location.ts'],
  },
  {
    of: 'src/notifier/',
    may: [
      'src/notifier/',
      'src/core/',
      'src/deploy/sidecar-container.ts',
      'src/sinks/retry.ts',
      'src/variables.ts',
      'zod/mini',
    ],
    mayTypes: ['src/clock.ts', '@slack/types'],
  },
  { of: 'src/config.ts', may: ['src/core/selection.ts', 'src/variables.ts', 'zod'] },
  { of: 'src/variables.ts', may: ['src/nearest.ts'], mayTypes: ['zod/mini'] },
  { of: 'src/recorder.ts', may: [], mayTypes: ['src/core/line.ts'] },
  { of: 'src/log.ts', may: ['pino'], mayTypes: ['src/config.ts', 'src/sinks/descriptor.ts'] },
  { of: 'src/clock.ts', may: ['node:timers/promises'] },
  // Evaluated before all else: it has nothing to wait for.
  { of: 'src/shutdown.ts', may: [] },
  { of: 'src/nearest.ts', may: [] },
  { of: 'src/version.ts', may: ['package.json'] },
  { of: 'src/main.ts', may: ['src/'] },
  { of: 'src/cli/', may: ['src/', 'node:', 'zod', 'diff', '@aws-sdk/'] },
];

function ruleOf(file: string): Rule | undefined {
  return RULES.find((rule) => file === rule.of || (rule.of.endsWith('/') && file.startsWith(rule.of)));
}

function fits(target: string, prefixes: readonly string[]): boolean {
  return prefixes.some(
    (prefix) => target === prefix || target.startsWith(/[/:]$/.test(prefix) ? prefix : `${prefix}/`),
  );
}

function isAllowed({ file, target, isTypeOnly: onlyTypes }: Import): boolean {
  const { may = [], mayTypes = [] } = ruleOf(file) ?? {};
  return fits(target, may) || (onlyTypes && fits(target, mayTypes));
}

describe('the house rules', () => {
  it('find the imports that are there', () => {
    expect(FILES.length).toBeGreaterThan(30);
    expect(IMPORTS).toContainEqual({
      file: 'src/endpoint/client.ts',
      target: 'undici/lib/dispatcher/client.js',
      isTypeOnly: false,
      isDynamic: false,
    });
    expect(IMPORTS).toContainEqual({
      file: 'src/sidecar.ts',
      target: 'src/sinks/sink.ts',
      isTypeOnly: true,
      isDynamic: false,
    });
    expect(IMPORTS.some(({ file, isDynamic }) => file === 'src/main.ts' && isDynamic)).toBe(true);
  });

  it('say for every file what it may import', () => {
    expect(FILES.filter((file) => ruleOf(file) === undefined)).toEqual([]);
  });

  it.each(FILES)('%s imports only what its place allows', (file) => {
    const refused = IMPORTS.filter((each) => each.file === file && !isAllowed(each));
    expect(
      refused.map(({ target, isTypeOnly: onlyTypes }) => (onlyTypes ? `type of ${target}` : target)),
    ).toEqual([]);
  });

  it('let no module wait for itself when the program is loaded', () => {
    const loads = new Map(
      FILES.map((file) => [
        file,
        IMPORTS.filter((each) => each.file === file && !each.isTypeOnly && !each.isDynamic).map(
          ({ target }) => target,
        ),
      ]),
    );
    const cycles: string[] = [];
    const visit = (file: string, above: readonly string[]): void => {
      if (above.includes(file)) {
        cycles.push([...above.slice(above.indexOf(file)), file].join(' -> '));
        return;
      }
      for (const next of loads.get(file) ?? []) visit(next, [...above, file]);
    };
    for (const file of FILES) visit(file, []);
    expect([...new Set(cycles)]).toEqual([]);
  });

  it('have the signal handlers stand before any other module of the program is evaluated', () => {
    const [first] = IMPORTS.filter(({ file, isTypeOnly: onlyTypes }) => file === 'src/main.ts' && !onlyTypes);
    expect(first?.target).toBe('src/shutdown.ts');
  });

  it.each(['src/main.ts', 'src/cli/cli.ts'])(
    'load the AWS SDK and what draws pictures only when they are needed: not with %s',
    (entry) => {
      const loaded = new Set([entry]);
      for (const file of loaded) {
        for (const next of IMPORTS) {
          if (next.file === file && !next.isTypeOnly && !next.isDynamic) loaded.add(next.target);
        }
      }
      expect(loaded).toContain('src/core/fields.ts');
      expect([...loaded].filter((target) => fits(target, ['@aws-sdk/', 'vega']))).toEqual([]);
    },
  );
});
