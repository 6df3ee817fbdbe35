/**
 * What Logs Insights does not allow, whatever the lines are.
 * Sources: CWL_QuerySyntax-Stats "Notes and limitations", -Dedup, -Limit;
 * AWS::Logs::QueryDefinition QueryString. All in the documentation of Amazon CloudWatch Logs.
 */
import { type Command, type Expression, isAggregate, PERIOD_UNITS, type Query, QueryError } from './query.ts';

/** Ten in class Standard since 2026; two in class Infrequent Access, and before. */
const MAX_STATS_COUNT = 2;
/** The default where a query has no `limit`. It may be higher since 2026: what a person reads never is. */
const MAX_LIMIT = 10_000;
const MAX_LENGTH = 10_000;

export function checkRules(query: Query, text: string): void {
  if (text.length > MAX_LENGTH) throw new QueryError(`${text.length} characters are more than ${MAX_LENGTH}`);
  const kinds = query.map(({ kind }) => kind);
  const statsCount = kinds.filter((kind) => kind === 'stats').length;
  if (statsCount > MAX_STATS_COUNT)
    throw new QueryError(`${statsCount} stats are more than ${MAX_STATS_COUNT}`);
  const lastStats = kinds.lastIndexOf('stats');
  const early = kinds.find((kind, at) => at < lastStats && (kind === 'sort' || kind === 'limit'));
  if (early) throw new QueryError(`${early} stands before the last stats`);
  const dedup = kinds.indexOf('dedup');
  const follower = kinds.find((kind, at) => dedup >= 0 && at > dedup && kind !== 'limit');
  if (follower) throw new QueryError(`${follower} follows dedup, after which only limit may come`);
  query.forEach((command, at) => {
    checkCommand(command, kinds.slice(0, at).includes('stats'));
  });
}

function checkCommand(command: Command, isAfterStats: boolean): void {
  if (command.kind === 'limit' && command.count > MAX_LIMIT) {
    throw new QueryError(`limit ${command.count} is more than ${MAX_LIMIT}`);
  }
  for (const expression of expressionsOf(command)) {
    for (const part of partsOf(expression)) checkPart(part, command, isAfterStats);
  }
  if (command.kind !== 'stats') return;
  for (const { name, expression } of command.columns) {
    if (!partsOf(expression).some((part) => part.kind === 'call' || part.kind === 'binary')) {
      throw new QueryError(`stats has ${name}, which is no aggregate`);
    }
  }
  for (const { name, expression } of command.by) {
    if (partsOf(expression).some(isAggregateCall))
      throw new QueryError(`stats groups by the aggregate ${name}`);
  }
}

function checkPart(part: Expression, command: Command, isAfterStats: boolean): void {
  if (part.kind === 'period') {
    const { most } = PERIOD_UNITS[part.unit];
    if (part.count > most) {
      throw new QueryError(`${part.count}${part.unit} would be cut to ${most}${part.unit}`);
    }
  }
  if (part.kind !== 'call') return;
  if (part.name === 'bin' && isAfterStats) {
    throw new QueryError('bin needs @timestamp, which is gone after stats');
  }
  if (!isAggregate(part.name)) return;
  if (command.kind !== 'stats')
    throw new QueryError(`${part.name} stands in ${command.kind}, and not in stats`);
  if (part.args.some((arg) => partsOf(arg).some(isAggregateCall))) {
    throw new QueryError(`${part.name} is of an aggregate`);
  }
  if (isAfterStats && (part.name === 'earliest' || part.name === 'latest')) {
    throw new QueryError(`${part.name} needs @timestamp, which is gone after stats`);
  }
}

function isAggregateCall(expression: Expression): boolean {
  return expression.kind === 'call' && isAggregate(expression.name);
}

function expressionsOf(command: Command): readonly Expression[] {
  switch (command.kind) {
    case 'fields':
      return command.columns.map(({ expression }) => expression);
    case 'stats':
      return [...command.columns, ...command.by].map(({ expression }) => expression);
    case 'filter':
      return [command.condition];
    default:
      return [];
  }
}

/** An expression and all that it is made of. */
function partsOf(expression: Expression): readonly Expression[] {
  switch (expression.kind) {
    case 'call':
      return [expression, ...expression.args.flatMap(partsOf)];
    case 'binary':
      return [expression, ...partsOf(expression.left), ...partsOf(expression.right)];
    case 'in':
      return [expression, ...partsOf(expression.operand)];
    default:
      return [expression];
  }
}
