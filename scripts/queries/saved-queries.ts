import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

const FOLDER = join(import.meta.dirname, '../../deploy/queries');

/** A file of deploy/queries. */
export interface SavedQuery {
  readonly name: string;
  /** The whole file. */
  readonly text: string;
  /** What follows its first comment. */
  readonly body: string;
  /** The body without the comments in it. */
  readonly commands: string;
  /** What its comment says. */
  readonly question: string;
  readonly reading: string;
  readonly limits: string;
}

/** The comment before the first command: `# Question: …`, `# Read: …`, `# Limits: …`, each indented where it goes on. */
const COMMENT =
  /^# Question: (?<question>[\s\S]*?)\n# Read: (?<reading>[\s\S]*?)\n# Limits: (?<limits>[\s\S]*?)\n(?!#)/;

/** By name. */
export const SAVED_QUERIES: readonly SavedQuery[] = globSync('*.logs-insights', { cwd: FOLDER })
  .toSorted()
  .map((file) => savedQuery(basename(file, '.logs-insights'), readFileSync(join(FOLDER, file), 'utf8')));

export function queryNamed(name: string): SavedQuery {
  const found = SAVED_QUERIES.find((query) => query.name === name);
  if (found === undefined) throw new Error(`there is no deploy/queries/${name}.logs-insights`);
  return found;
}

function savedQuery(name: string, text: string): SavedQuery {
  const { question, reading, limits } = COMMENT.exec(text)?.groups ?? {};
  if (!question || !reading || !limits) {
    throw new Error(
      `${name}.logs-insights does not begin with a Question, how to Read the answer, and its Limits`,
    );
  }
  const body = text.replace(COMMENT, '').trimEnd();
  return {
    name,
    text,
    body,
    commands: body.replaceAll(/^#.*\n/gm, ''),
    question: onOneLine(question),
    reading: onOneLine(reading),
    limits: onOneLine(limits),
  };
}

function onOneLine(text: string): string {
  return text.replaceAll(/\n# +/g, ' ');
}
