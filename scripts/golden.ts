/** Writes the expected lines of every fixture anew: `npm run golden`. Read the diff before you keep it. */
import { writeFileSync } from 'node:fs';
import { goldenPath, linesOf, readFixture, SHAPES } from '../test/support/fixtures.ts';

for (const shape of SHAPES) {
  const lines = linesOf(readFixture(shape));
  writeFileSync(goldenPath(shape), `${lines.join('\n')}\n`);
  console.log(`${shape}: ${lines.length} lines`);
}
