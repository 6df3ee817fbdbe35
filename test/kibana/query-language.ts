/** As much of Kibana's query language as the saved objects speak: `field:"value"` and `field:*`, joined by `and`. */
export interface Clause {
  readonly field: string;
  /** Absent: any. */
  readonly value?: string;
}

const CLAUSE = /^(?<field>[A-Za-z]+):(?:"(?<value>[^"\\]*)"|\*)$/;

/** @throws Error on anything else */
export function parseClauses(query: string): Clause[] {
  return query.split(' and ').map((text) => {
    const { field, value } = CLAUSE.exec(text)?.groups ?? {};
    if (field === undefined) throw new Error(`not understood: ${text}`);
    return { field, ...(value !== undefined && { value }) };
  });
}

/** Source: es_query/kuery/functions in Kibana 7.10. */
export function toEngineQuery(query: string): object {
  const filters = parseClauses(query).map(({ field, value }) => ({
    bool: {
      should: [value === undefined ? { exists: { field } } : { match_phrase: { [field]: value } }],
      minimum_should_match: 1,
    },
  }));
  return filters.length === 1 ? (filters[0] ?? {}) : { bool: { filter: filters } };
}
