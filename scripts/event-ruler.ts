/**
 * Event Ruler of AWS, with which EventBridge itself matches events against patterns: from Maven Central, run by a JDK.
 * Whether EventBridge takes a pattern, and how it matches, is so known without an account.
 */
import { spawnSync } from 'node:child_process';
import { installJavaProgram } from './java-program.ts';

/** @returns the folder of its classes */
export function installEventRuler(): string {
  return installJavaProgram('event-ruler', 'MatchEvents.java', 'Event Ruler 1.7.3');
}

/**
 * Whether each event matches the pattern.
 * @throws Error when the pattern is not valid
 */
export function matchEvents(pattern: unknown, events: readonly unknown[]): readonly boolean[] {
  const classes = installEventRuler();
  const input = [pattern, ...events].map((value) => `${JSON.stringify(value)}\n`).join('');
  const result = spawnSync('java', ['-cp', `${classes}:${classes}/*`, 'MatchEvents'], {
    input,
    encoding: 'utf8',
  });
  if (result.status !== 0) throw new Error(`Event Ruler: ${result.error?.message ?? result.stderr.trim()}`);
  return result.stdout
    .trimEnd()
    .split('\n')
    .map((line) => line === 'true');
}
