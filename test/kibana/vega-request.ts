/**
 * The request of a Vega specification once Kibana has put the time picker's range into it, on a dashboard with no query
 * and no filter. Source: src/plugins/vis_type_vega/public/data_model/es_query_parser.ts in Kibana 7.10.
 */
import { automaticInterval, rangeFilter, type TimeRange } from './time-range.ts';

const CONTEXT = /^%dashboard_context-(?:must|filter|must_not)_clause%$/;

export function filledBody<Body extends object>(body: Body, range: TimeRange): Body {
  return filled(body, range) as Body;
}

function filled(value: unknown, range: TimeRange): unknown {
  if (Array.isArray(value)) {
    return value
      .filter((each) => !(typeof each === 'string' && CONTEXT.test(each)))
      .map((each) => filled(each, range));
  }
  if (typeof value !== 'object' || value === null) return value;
  if ('%autointerval%' in value) return automaticInterval(range).expression;
  if ('%timefilter%' in value) {
    const bound = value['%timefilter%'];
    return bound === 'min' ? range.fromMs : bound === 'max' ? range.toMs : bounds(range);
  }
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, filled(each, range)]));
}

/** What stands in a range query under the field's name. */
function bounds(range: TimeRange): unknown {
  return Object.values(Object.values(rangeFilter('time', range))[0] ?? {})[0];
}
