import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Program } from '../../test/support/program.ts';

const DOCKERFILE = join(import.meta.dirname, '../../Dockerfile');

/** The variables that the image sets, so that the program runs here as it does there. */
export function imageEnvironment(): Record<string, string> {
  const instructions = readFileSync(DOCKERFILE, 'utf8')
    .replace(/^\s*#.*\n/gm, '')
    .replace(/\\\n\s*/g, '')
    .split('\n');
  const finalStage = instructions.slice(instructions.findLastIndex((line) => line.startsWith('FROM ')));
  const assignments = finalStage
    .filter((line) => line.startsWith('ENV '))
    .flatMap((line) => line.trim().split(/\s+/).slice(1));
  return Object.fromEntries(
    assignments.map((assignment) => {
      const [name = '', ...value] = assignment.split('=');
      return [name, value.join('=').replace(/^"(.*)"$/, '$1')];
    }),
  );
}

/** Fails when the program ends: raced with what it is expected to do. */
export async function endTooEarly(program: Program): Promise<never> {
  const { exitCode, stderr } = await program.ended;
  throw new Error(`a sidecar ended with ${exitCode} before it was stopped: ${stderr}`);
}
