/**
 * Logs Insights QL, as far as the saved queries use it; whatever else the language has is refused, so that a query
 * cannot say something that the evaluator does not.
 *
 * Source: "CloudWatch Logs Insights language query syntax" in the Amazon CloudWatch Logs user guide, read in 2026:
 * docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax and its pages -Fields, -Filter, -Stats, -Sort,
 * -Dedup, -Limit, -alias and -operations-functions. The guide gives no precedences: here `*` and `/` bind before `+`
 * and `-`, as in its examples, and `and` beside `or` needs parentheses.
 */
import {
  ARITY,
  type Column,
  type Command,
  type Expression,
  type FunctionName,
  type Operator,
  type PeriodUnit,
  type Query,
  QueryError,
} from './query.ts';
import { checkRules } from './rules.ts';
import { type Token, tokensOf } from './tokens.ts';

const COMPARISONS = ['=', '!=', '<', '<=', '>', '>='] as const;

export function parseQuery(text: string): Query {
  const query = new Parser(tokensOf(text)).query();
  checkRules(query, text);
  return query;
}

class Parser {
  readonly #tokens: readonly Token[];
  #next = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  query(): Query {
    const commands = [this.#command()];
    while (this.#takes('|')) commands.push(this.#command());
    if (this.#peek().kind !== 'end') this.#fail('a | before the next command');
    return commands;
  }

  #command(): Command {
    const kind = this.#name('a command');
    switch (kind) {
      case 'fields':
        return { kind, columns: this.#list(() => this.#column()) };
      case 'filter':
        return { kind, condition: this.#condition() };
      case 'stats':
        return {
          kind,
          columns: this.#list(() => this.#column()),
          by: this.#takes('by') ? this.#list(() => this.#column()) : [],
        };
      case 'sort':
        return {
          kind,
          keys: this.#list(() => ({ name: this.#name('a field'), isDescending: this.#isDescending() })),
        };
      case 'dedup':
        return { kind, names: this.#list(() => this.#name('a field')) };
      case 'limit':
        return { kind, count: Number(this.#take('number', 'a number').text) };
      default:
        throw new QueryError(`the command ${kind} is not known here`);
    }
  }

  /** A result without a name of its own is named by its text in the console: here only a field and a bin may be. */
  #column(): Column {
    const expression = this.#sum();
    if (this.#takes('as')) return { name: this.#name('a name'), expression };
    if (expression.kind === 'field') return { name: expression.name, expression };
    if (expression.kind === 'call' && expression.name === 'bin') {
      const [width] = expression.args;
      return { name: `bin(${width?.kind === 'period' ? `${width.count}${width.unit}` : ''})`, expression };
    }
    return this.#fail('`as` and a name');
  }

  #isDescending(): boolean {
    if (this.#takes('desc')) return true;
    if (this.#takes('asc')) return false;
    return this.#fail('asc or desc');
  }

  #condition(): Expression {
    const first = this.#comparison();
    const operator = (['and', 'or'] as const).find((each) => this.#isNext(each));
    if (operator === undefined) return first;
    let whole = first;
    while (this.#takes(operator))
      whole = { kind: 'binary', operator, left: whole, right: this.#comparison() };
    if (this.#isNext('and') || this.#isNext('or')) this.#fail('parentheses between `and` and `or`');
    return whole;
  }

  #comparison(): Expression {
    const left = this.#sum();
    if (this.#takes('in')) return { kind: 'in', operand: left, options: this.#options() };
    const operator = COMPARISONS.find((each) => this.#takes(each));
    return operator === undefined ? left : { kind: 'binary', operator, left, right: this.#sum() };
  }

  #options(): readonly string[] {
    this.#expect('[');
    const options = this.#list(() => this.#take('text', 'a text').text.slice(1, -1));
    this.#expect(']');
    return options;
  }

  #sum(): Expression {
    return this.#leftToRight(['+', '-'], () => this.#leftToRight(['*', '/'], () => this.#operand()));
  }

  #leftToRight(operators: readonly Operator[], operand: () => Expression): Expression {
    let left = operand();
    for (;;) {
      const operator = operators.find((each) => this.#takes(each));
      if (operator === undefined) return left;
      left = { kind: 'binary', operator, left, right: operand() };
    }
  }

  #operand(): Expression {
    if (this.#takes('(')) {
      const inner = this.#condition();
      this.#expect(')');
      return inner;
    }
    const token = this.#peek();
    if (token.kind === 'sign' || token.kind === 'end') this.#fail('a field, a number, a text or a function');
    this.#next += 1;
    switch (token.kind) {
      case 'number':
        return { kind: 'number', value: Number(token.text) };
      case 'text':
        return { kind: 'text', value: token.text.slice(1, -1) };
      case 'period':
        return period(token.text);
      default:
        return this.#isNext('(') ? this.#call(token.text) : { kind: 'field', name: token.text };
    }
  }

  #call(name: string): Expression {
    if (!Object.hasOwn(ARITY, name)) throw new QueryError(`the function ${name} is not known here`);
    const known = name as FunctionName;
    this.#expect('(');
    const isEmpty = this.#isNext(')') || (known === 'count' && this.#takes('*'));
    const args = isEmpty ? [] : this.#list(() => this.#sum());
    this.#expect(')');
    const [fewest, most] = ARITY[known];
    if (args.length < fewest || args.length > most)
      throw new QueryError(`${name} has ${args.length} arguments`);
    return { kind: 'call', name: known, args };
  }

  #list<T>(item: () => T): T[] {
    const items = [item()];
    while (this.#takes(',')) items.push(item());
    return items;
  }

  #peek(): Token {
    return this.#tokens[this.#next] as Token;
  }

  #isNext(text: string): boolean {
    const { kind, text: found } = this.#peek();
    return (kind === 'sign' || kind === 'name') && found === text;
  }

  #takes(text: string): boolean {
    if (!this.#isNext(text)) return false;
    this.#next += 1;
    return true;
  }

  #expect(text: string): void {
    if (!this.#takes(text)) this.#fail(text);
  }

  #take(kind: Token['kind'], wanted: string): Token {
    const token = this.#peek();
    if (token.kind !== kind) this.#fail(wanted);
    this.#next += 1;
    return token;
  }

  #name(wanted: string): string {
    return this.#take('name', wanted).text;
  }

  #fail(wanted: string): never {
    const { text, line } = this.#peek();
    throw new QueryError(`line ${line}: ${wanted} is wanted, not ${text}`);
  }
}

function period(text: string): Expression & { kind: 'period' } {
  const count = Number.parseInt(text, 10);
  // The tokens know no other units.
  return { kind: 'period', count, unit: text.slice(String(count).length) as PeriodUnit };
}
