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

export interface Matches {
  /**
   * How many beginnings of patterns with asterisks may fit one value; 100 stands for all above. EventBridge refuses a
   * complex pattern ("Rule is too complex"; user guide, "Wildcard matching complexity"): from some 10 on, it seems.
   */
  readonly complexity: number;
  /** Whether each event matches. */
  readonly areMatched: readonly boolean[];
}

/** @throws Error when the pattern is not valid */
export function matchEvents(pattern: unknown, events: readonly unknown[]): Matches {
  const classes = installEventRuler();
  const input = [pattern, ...events].map((value) => `${JSON.stringify(value)}\n`).join('');
  const result = spawnSync('java', ['-cp', `${classes}:${classes}/*`, 'MatchEvents'], {
    input,
    encoding: 'utf8',
  });
  if (result.status !== 0) throw new Error(`Event Ruler: ${result.error?.message ?? result.stderr.trim()}`);
  const [complexity, ...areMatched] = result.stdout.trimEnd().split('\n');
  return { complexity: Number(complexity), areMatched: areMatched.map((line) => line === 'true') };
}
