/** Names, kinds and units in a query, against the table of fields: what Logs Insights would answer with an empty column. */
import { type Field, LINE_TYPES, type LineType, REPORT_FIELDS } from '../../src/core/fields.ts';
import { type Column, type Command, type Expression, isAggregate, type Query, QueryError } from './query.ts';
import {
  combine,
  common,
  isCalled,
  type Measure,
  MILLISECONDS,
  measureOfField,
  measureOfName,
  PLAIN,
  SECONDS,
} from './units.ts';

export type Kind =
  | { readonly is: 'text' | 'instant' | 'truth' }
  | { readonly is: 'number'; readonly measure: Measure };

type Scope = ReadonlyMap<string, Kind>;

const TEXT: Kind = { is: 'text' };
const INSTANT: Kind = { is: 'instant' };
const TRUTH: Kind = { is: 'truth' };
const COUNT: Kind = { is: 'number', measure: PLAIN };

/** What Logs Insights gives every event. Source: CWL_AnalyzeLogData-discoverable-fields. */
const SYSTEM_FIELDS: Scope = new Map([
  ['@timestamp', INSTANT],
  ['@message', TEXT],
  ['@logStream', TEXT],
  ['@log', TEXT],
]);

/** @returns the names and kinds of the result's columns, where stats made them */
export function checkNames(query: Query): Scope {
  let scope = scopeOf(lineTypesOf(query));
  for (const command of query) scope = checkCommand(command, scope);
  return scope;
}

/** The types of line that the filters before the first stats let through. */
export function lineTypesOf(query: Query): readonly LineType[] {
  const firstStats = query.findIndex(({ kind }) => kind === 'stats');
  const before = firstStats < 0 ? query : query.slice(0, firstStats);
  const wanted = before.flatMap((command) =>
    command.kind === 'filter' ? conjunctsOf(command.condition) : [],
  );
  let types: readonly LineType[] = LINE_TYPES;
  for (const names of wanted.flatMap((each) => typesNamedBy(each) ?? [])) {
    const unknown = names.filter((name) => !(LINE_TYPES as readonly string[]).includes(name));
    if (unknown.length > 0) throw new QueryError(`there are no lines of type ${unknown.join(', ')}`);
    types = types.filter((type) => names.includes(type));
  }
  return types;
}

function conjunctsOf(condition: Expression): readonly Expression[] {
  const isBoth = condition.kind === 'binary' && condition.operator === 'and';
  return isBoth ? [...conjunctsOf(condition.left), ...conjunctsOf(condition.right)] : [condition];
}

function typesNamedBy(condition: Expression): readonly (readonly string[])[] | undefined {
  if (condition.kind === 'in') {
    const { operand, options } = condition;
    return operand.kind === 'field' && operand.name === 'type' ? [options] : undefined;
  }
  if (condition.kind !== 'binary' || condition.operator !== '=') return undefined;
  const { left, right } = condition;
  return left.kind === 'field' && left.name === 'type' && right.kind === 'text' ? [[right.value]] : undefined;
}

function scopeOf(types: readonly LineType[]): Scope {
  const fields: readonly Field[] = REPORT_FIELDS;
  const present = fields.filter(({ lines }) => lines.some((line) => types.includes(line)));
  return new Map([...SYSTEM_FIELDS, ...present.map((field) => [field.name, kindOfField(field)] as const)]);
}

function kindOfField(field: Field): Kind {
  return field.kind === 'string' || field.kind === 'time'
    ? TEXT
    : { is: 'number', measure: measureOfField(field) };
}

function checkCommand(command: Command, scope: Scope): Scope {
  switch (command.kind) {
    case 'fields': {
      const made = command.columns.map((column) => columnOf(column, scope));
      return new Map([...scope, ...made]);
    }
    case 'filter':
      expectKind(command.condition, 'truth', scope);
      return scope;
    case 'stats':
      return statsScope(command, scope);
    case 'sort':
      for (const { name } of command.keys) kindOfName(name, scope);
      return scope;
    case 'dedup':
      for (const name of command.names) kindOfName(name, scope);
      return scope;
    case 'limit':
      return scope;
  }
}

/**
 * Inside aggregates stand the fields of the rows, outside of them the names given before in the same stats, as in the
 * guide's query for over-provisioned memory. After it there is only what it made.
 */
function statsScope({ columns, by }: Command & { kind: 'stats' }, scope: Scope): Scope {
  const made = new Map(by.map((column) => columnOf(column, scope)));
  const aliases = new Map<string, Kind>();
  for (const column of columns) {
    const [name, kind] = columnOf(column, aliases, scope);
    if (made.has(name)) throw new QueryError(`stats makes two columns called ${name}`);
    aliases.set(name, kind);
    made.set(name, kind);
  }
  return made;
}

function columnOf({ name, expression }: Column, scope: Scope, rows: Scope = scope): readonly [string, Kind] {
  const kind = kindOf(expression, scope, rows);
  if (kind.is === 'truth') throw new QueryError(`${name} is true or false, which no page says how to show`);
  if (kind.is === 'number' && !isCalled(name, kind.measure))
    throw new QueryError(`${name} is not in the unit that its name says`);
  return [name, kind.is === 'number' ? { is: 'number', measure: measureOfName(name) } : kind];
}

/** @param rows what stands inside an aggregate */
function kindOf(expression: Expression, scope: Scope, rows: Scope): Kind {
  switch (expression.kind) {
    case 'number':
      return { is: 'number', measure: { kind: 'plain', literal: expression.value } };
    case 'text':
      return TEXT;
    case 'field':
      return kindOfName(expression.name, scope);
    case 'in':
      expectKind(expression.operand, 'text', scope, rows);
      return TRUTH;
    case 'binary':
      return kindOfBinary(expression, scope, rows);
    case 'call':
      return kindOfCall(expression, isAggregate(expression.name) ? rows : scope, rows);
    case 'period':
      throw new QueryError(`${expression.count}${expression.unit} stands outside bin`);
  }
}

function kindOfName(name: string, scope: Scope): Kind {
  const kind = scope.get(name);
  if (kind === undefined) throw new QueryError(`there is no ${name} here`);
  return kind;
}

function kindOfBinary(
  { operator, left, right }: Expression & { kind: 'binary' },
  scope: Scope,
  rows: Scope,
): Kind {
  if (operator === 'and' || operator === 'or') {
    expectKind(left, 'truth', scope, rows);
    expectKind(right, 'truth', scope, rows);
    return TRUTH;
  }
  if (operator === '+' || operator === '-' || operator === '*' || operator === '/') {
    return {
      is: 'number',
      measure: combine(operator, measureOf(left, scope, rows), measureOf(right, scope, rows)),
    };
  }
  const kind = kindOf(left, scope, rows);
  expectKind(right, kind.is, scope, rows);
  if (kind.is === 'number') common(kind.measure, measureOf(right, scope, rows), operator);
  return TRUTH;
}

function kindOfCall({ name, args }: Expression & { kind: 'call' }, scope: Scope, rows: Scope): Kind {
  const [first, ...others] = args;
  if (name === 'bin') {
    if (first?.kind !== 'period') throw new QueryError('bin is of a period such as 15m');
    return INSTANT;
  }
  const kinds = args.map((arg) => kindOf(arg, scope, rows));
  switch (name) {
    case 'now':
      return { is: 'number', measure: SECONDS };
    case 'toMillis':
      if (kinds[0]?.is !== 'instant') throw new QueryError('toMillis is of no timestamp');
      return { is: 'number', measure: MILLISECONDS };
    case 'count':
    case 'count_distinct':
      return COUNT;
    case 'ispresent':
      return TRUTH;
    case 'strcontains':
      if (kinds.some(({ is }) => is !== 'text')) throw new QueryError('strcontains is of texts');
      return COUNT;
    case 'floor':
      if (first) measureOf(first, scope, rows);
      return COUNT;
    case 'coalesce':
      if (kinds.some(({ is }) => is !== kinds[0]?.is)) throw new QueryError('coalesce is of different kinds');
      return kinds[0] ?? TEXT;
    case 'greatest':
      return {
        is: 'number',
        measure: args.map((arg) => measureOf(arg, scope, rows)).reduce((a, b) => common(a, b, name)),
      };
    case 'earliest':
    case 'latest':
      return kinds[0] ?? TEXT;
    case 'pct':
      if (others[0]?.kind !== 'number') throw new QueryError('pct needs a percentage');
      break;
  }
  if (first === undefined) throw new QueryError(`${name} is of nothing`);
  return { is: 'number', measure: measureOf(first, scope, rows) };
}

function measureOf(expression: Expression, scope: Scope, rows: Scope): Measure {
  const kind = kindOf(expression, scope, rows);
  if (kind.is !== 'number') throw new QueryError(`a ${kind.is} stands where a number is wanted`);
  return kind.measure;
}

function expectKind(expression: Expression, wanted: Kind['is'], scope: Scope, rows: Scope = scope): void {
  const { is } = kindOf(expression, scope, rows);
  if (is !== wanted) throw new QueryError(`a ${is} stands where a ${wanted} is wanted`);
}
