/** What is wrong with the words of a command line, for a person. */
export class Problems {
  readonly texts: string[] = [];

  add(text: string): undefined {
    this.texts.push(text);
  }

  refuse(option: string, value: string, allowed: string): undefined {
    this.add(`${option} ${JSON.stringify(value)} is not allowed: it must be ${allowed}`);
  }
}
