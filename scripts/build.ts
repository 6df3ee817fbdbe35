/**
 * Makes dist/: what the image and the npm package carry. Developing needs no build.
 *
 *   dist/sidecar.cjs            the container's program
 *   dist/cloudwatch-logs.cjs    its CloudWatch Logs sink, required when the first line is due
 *   dist/cli.cjs                the `fargauge` command
 *   dist/report-log-groups.cjs  what of `fargauge report` needs the AWS SDK
 *   dist/html-page.cjs          its `--format html`, required when a page is due
 *   dist/indexer.cjs            what `fargauge index` does, with undici and the AWS SDK
 *   dist/notifier.cjs           the function that tells Slack of stopped tasks; `fargauge notify` requires it to send
 *   dist/subscription.cjs       the Lambda function that puts lines into a search index, `subscription.forward`
 *   dist/cdk.cjs                the CDK construct, `fargauge/cdk`; scripts/build-types.ts adds its types
 *   dist/NOTICES.txt            the licences of the packages bundled into them
 */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { type BuildOptions, build, type Metafile, type Plugin } from 'esbuild';
import manifest from '../package.json' with { type: 'json' };

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');

const entries = {
  sidecar: 'src/main.ts',
  'cloudwatch-logs': 'src/sinks/cloudwatch-logs.ts',
  'report-log-groups': 'src/cli/report-log-groups.ts',
  'html-page': 'src/report/page/html-page.ts',
  indexer: 'src/cli/indexer.ts',
  cli: 'src/cli/cli.ts',
  notifier: 'src/notifier/main.ts',
  subscription: 'src/subscription/main.ts',
  cdk: 'src/cdk/fargauge-extension.ts',
};
const LAZY_ENTRIES = ['cloudwatch-logs', 'report-log-groups', 'html-page', 'indexer', 'notifier'] as const;

/**
 * What is loaded when it is needed is an entry of its own: inside one file even a lazy import is loaded at the start, and
 * esbuild no longer leaves out what it does not use of the AWS SDK.
 */
const lazyStaysOutside: Plugin = {
  name: 'lazy-stays-outside',
  setup({ onResolve }) {
    onResolve({ filter: /\.ts$/ }, ({ kind, path, resolveDir }) => {
      const source = relative(root, join(resolveDir, path));
      const name = LAZY_ENTRIES.find((entry) => entries[entry] === source);
      return kind === 'dynamic-import' && name ? { path: `./${name}.cjs`, external: true } : undefined;
    });
  },
};

const shared: BuildOptions = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  format: 'cjs',
  // The oldest Node that the npm package runs on; the image carries a newer one.
  target: 'node22',
  outdir: dist,
  outExtension: { '.js': '.cjs' },
  minify: true,
  legalComments: 'none',
  metafile: true,
  mainFields: ['module', 'main'],
  // A native import() of node:http reads all its exports, and so loads Node's own undici, web streams and http2.
  supported: { 'dynamic-import': false },
  define: {
    // With it undici leaves out its second, experimental parser (lib/dispatcher/client-h1.js): 160 kB of source.
    esbuildDetection: 'true',
    'import.meta.dirname': '__dirname',
    'import.meta.filename': '__filename',
  },
  logLevel: 'warning',
};

const [, oldestMajor, oldestMinor] = manifest.engines.node.match(/^>=(\d+)\.(\d+)$/) ?? [];
/** Older ones would fail somewhere within, with the bundle for an error message. */
const REFUSE_OLD_NODE =
  '{const[a,b]=process.versions.node.split(".").map(Number);' +
  `if(a<${oldestMajor}||a===${oldestMajor}&&b<${oldestMinor}){` +
  `console.error("fargauge needs Node ${oldestMajor}.${oldestMinor} or later; this is "+process.version);process.exit(2)}}`;

interface Package {
  readonly name: string;
  readonly folder: string;
}

function bundledPackages(metafiles: readonly Metafile[]): Package[] {
  const packages = new Map<string, string>();
  for (const input of metafiles.flatMap(({ inputs }) => Object.keys(inputs))) {
    const [, folder, name] = input.match(/^(.*node_modules\/((?:@[^/]+\/)?[^/]+))\//) ?? [];
    if (folder && name) packages.set(name, join(root, folder));
  }
  return [...packages].sort(([a], [b]) => a.localeCompare(b)).map(([name, folder]) => ({ name, folder }));
}

function notice({ name, folder }: Package): string {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<string, unknown>;
  const file = ['LICENSE', 'LICENSE.md', 'LICENSE.txt', 'license'].find((each) =>
    existsSync(join(folder, each)),
  );
  const text = file ? readFileSync(join(folder, file), 'utf8').trim() : `Licence: ${manifest.license}`;
  return `${name} ${manifest.version}\n\n${text}\n`;
}

const results = [
  await build({ ...shared, entryPoints: { sidecar: entries.sidecar }, plugins: [lazyStaysOutside] }),
  await build({ ...shared, entryPoints: { 'cloudwatch-logs': entries['cloudwatch-logs'] } }),
  await build({ ...shared, entryPoints: { 'report-log-groups': entries['report-log-groups'] } }),
  await build({ ...shared, entryPoints: { indexer: entries.indexer } }),
  await build({
    ...shared,
    entryPoints: { cli: entries.cli },
    plugins: [lazyStaysOutside],
    banner: { js: `#!/usr/bin/env node\n${REFUSE_OLD_NODE}` },
  }),
  await build({ ...shared, entryPoints: { notifier: entries.notifier } }),
  await build({
    ...shared,
    entryPoints: { 'html-page': entries['html-page'] },
    // Its build for Node looks for the package `canvas` wherever it is installed, at the start.
    alias: { 'vega-canvas': join(root, 'node_modules/vega-canvas/build/vega-canvas.browser.js') },
  }),
  await build({ ...shared, entryPoints: { subscription: entries.subscription } }),
  await build({ ...shared, entryPoints: { cdk: entries.cdk }, external: ['aws-cdk-lib', 'constructs'] }),
];
const metafiles = results.map(({ metafile }) => metafile).filter((metafile) => metafile !== undefined);
const separator = `\n${'-'.repeat(80)}\n\n`;
writeFileSync(join(dist, 'NOTICES.txt'), bundledPackages(metafiles).map(notice).join(separator));
const made = [
  ...metafiles.flatMap(({ outputs }) => Object.keys(outputs).map((path) => basename(path))),
  'NOTICES.txt',
];
for (const file of readdirSync(dist)) if (!made.includes(file)) rmSync(join(dist, file), { recursive: true });
for (const { outputs } of metafiles) {
  for (const [path, { bytes }] of Object.entries(outputs)) {
    console.log(`${relative(root, join(dirname(dist), path))}  ${Math.round(bytes / 1024)} kB`);
  }
}
