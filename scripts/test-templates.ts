/**
 * Runs test/templates: cfn-lint (PyPI; Python 3 with venv is needed) over the CloudFormation templates, terraform (1.5
 * or later, on the PATH) over the modules, Event Ruler (Maven Central; scripts/event-ruler.ts) over the pattern of the
 * notifier's rule. A folder with a mirror of Terraform's providers can be named in
 * TERRAFORM_PLUGIN_DIR; else one is looked for where machines keep it, and without one terraform asks its registry.
 */
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { installEventRuler } from './event-ruler.ts';
import { installPythonTool } from './python-tool.ts';

const root = join(import.meta.dirname, '..');
const MIRRORS = ['/opt/*', '/usr/share/terraform/*', '/usr/local/share/terraform/*'].map(
  (folder) => `${folder}/registry.terraform.io`,
);

const terraform = spawnSync('terraform', ['version'], { encoding: 'utf8' });
if (terraform.error)
  throw new Error('terraform is not on the PATH; see https://developer.hashicorp.com/terraform/install');

installEventRuler();
const [mirror] = globSync(MIRRORS);
const pluginDir = process.env.TERRAFORM_PLUGIN_DIR ?? (mirror && dirname(mirror));
const vitest = join(root, 'node_modules/vitest/vitest.mjs');
const { status } = spawnSync(
  process.execPath,
  [vitest, 'run', '--config', 'test/templates/vitest.config.ts'],
  {
    cwd: root,
    env: {
      ...process.env,
      CFN_LINT: join(installPythonTool('cfn-lint==1.58.0'), 'cfn-lint'),
      ...(pluginDir && { TERRAFORM_PLUGIN_DIR: pluginDir }),
    },
    stdio: 'inherit',
  },
);
process.exitCode = status ?? 1;
