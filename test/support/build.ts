import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** The tests of the program run what the build makes for the image, so it is made first. */
export default function setup(): void {
  execFileSync(process.execPath, [join(import.meta.dirname, '../../scripts/build.ts')], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}
