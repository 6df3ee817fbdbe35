import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { withFieldsTable, withNotifierTable } from '../../scripts/docs.ts';
import { remove } from '../../src/deploy/injection.ts';
import { awslogs, container, fileOf, pascalCased, taskDefinition } from '../deploy/task-definitions.ts';
import { eventPath } from '../notifier/recorded-events.ts';
import { synthesiseExample } from './cdk-example.ts';
import { blocksOf, PAGES, ROOT, readPage } from './pages.ts';

const folder = mkdtempSync(join(tmpdir(), 'fargauge-docs-'));
afterAll(() => rmSync(folder, { recursive: true }));

function program(name: string, file: string): void {
  const script = `#!/bin/sh\nexec '${process.execPath}' '${join(ROOT, file)}' "$@"\n`;
  writeFileSync(join(folder, 'bin', name), script, { mode: 0o755 });
}

mkdirSync(join(folder, 'bin'));
program('fargauge', 'src/cli/cli.ts');
program('aws', 'test/docs/aws.ts');
symlinkSync(join(ROOT, 'deploy'), join(folder, 'deploy'));
symlinkSync(join(ROOT, 'dist'), join(folder, 'dist'));
symlinkSync(eventPath('fargate-out-of-memory'), join(folder, 'event.json'));
writeFileSync(join(folder, 'token.txt'), 'xoxb-1');
symlinkSync(join(ROOT, 'test/fixtures/insights/demo.jsonl'), join(folder, 'lines.jsonl'));
writeFileSync(join(folder, 'ecs-task-def.json'), remove(fileOf('fargate-batch.json')).text);
const template = {
  Resources: {
    TaskDefinition: {
      Type: 'AWS::ECS::TaskDefinition',
      Properties: pascalCased(taskDefinition([container('batch', { logConfiguration: awslogs() })])),
    },
  },
};
writeFileSync(join(folder, 'template.json'), JSON.stringify(template, null, 2));

function run(script: string) {
  // With a socket for its stdin, bash takes itself for a remote shell and runs the user's own start-up file.
  return spawnSync('bash', ['--norc', '-euo', 'pipefail', '-c', script], {
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: folder,
    env: { ...process.env, PATH: [join(folder, 'bin'), process.env.PATH].join(delimiter) },
    encoding: 'utf8',
  });
}

describe('the commands of the docs', () => {
  // They are run with what they need: Terraform, a search engine.
  const elsewhere = ['terraform.md', 'dashboards.md', 'opensearch.md'];
  const pages = PAGES.filter((page) => !elsewhere.includes(page) && blocksOf(page, 'sh').length > 0);

  it('are on these pages', () => {
    expect(pages).toEqual([
      'cloudformation.md',
      'metrics.md',
      'queries.md',
      'report.md',
      'sharp-sampling.md',
      'slack.md',
      'task-definition-json.md',
    ]);
  });

  it.each(pages)('of %s run one after the other and have nothing to warn of', (page) => {
    for (const block of blocksOf(page, 'sh')) {
      expect({ block, ...run(block) }).toMatchObject({ block, status: 0, stderr: '' });
    }
  });

  it('give what they say', () => {
    const show = blocksOf('task-definition-json.md', 'sh').find((block) => block.includes('--diff')) ?? '';
    expect(run(show).stdout).toContain('+      "stopTimeout": 60,\n');
    const without = JSON.parse(readFileSync(join(folder, 'task-without.json'), 'utf8'));
    expect(without.containerDefinitions).toEqual([expect.objectContaining({ name: 'nightly-batch' })]);
    const report = JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8'));
    expect(report.jobs).toEqual([expect.objectContaining({ job: 'demo-batch', runCount: 1 })]);
  });
});

describe('the fields in fields.md', () => {
  it('are those of the code (npm run docs makes the table)', () => {
    const page = readPage('fields.md');
    expect(withFieldsTable(page)).toBe(page);
  });
});

describe('the variables in slack.md', () => {
  it('are those of the code (npm run docs makes the table)', () => {
    const page = readPage('slack.md');
    expect(withNotifierTable(page)).toBe(page);
  });
});

describe('the program of cdk.md', () => {
  it('synthesises a task definition with the sidecar', () => {
    const resources = Object.values(synthesiseExample().Resources);
    const task = resources.find(({ Type }) => Type === 'AWS::ECS::TaskDefinition');
    expect(task?.Properties.ContainerDefinitions).toEqual([
      expect.objectContaining({ Name: 'batch' }),
      expect.objectContaining({
        Name: 'fargauge',
        Environment: expect.arrayContaining([{ Name: 'FARGAUGE_JOB', Value: 'nightly' }]),
      }),
    ]);
  });
});

describe('the links of the docs', () => {
  const pages = ['README.md', 'task-definitions/README.md', ...PAGES.map((page) => join('docs', page))];

  it.each(pages)('of %s lead somewhere', (page) => {
    const text = readFileSync(join(ROOT, page), 'utf8');
    const targets = [...text.matchAll(/\]\(([^)]+)\)/g)].map(([, target = '']) => target);
    const broken = targets
      .filter((target) => !target.startsWith('https://'))
      .filter((target) => !leadsSomewhere(page, target));
    expect(broken).toEqual([]);
  });

  it('of docs/README.md lead to every page', () => {
    const index = readPage('README.md');
    expect(PAGES.filter((page) => page !== 'README.md' && !index.includes(`](${page})`))).toEqual([]);
  });
});

function leadsSomewhere(page: string, target: string): boolean {
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? join(ROOT, page) : join(ROOT, dirname(page), path);
  if (!existsSync(file)) return false;
  if (anchor === undefined) return true;
  const headings = [...readFileSync(file, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^a-z0-9 -]/g, '')
      .replaceAll(' ', '-'),
  );
  return headings.includes(anchor);
}
