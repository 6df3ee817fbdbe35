import { scheme } from 'vega';

/** Ten percent each; the last is of all above too. A step can be told from the next, and read off the legend. */
export const UTILIZATION_STEP_COUNT = 10;

/** The variable that holds the colour of a share, 0 and more percent. */
export function utilizationColour(percent: number): string {
  const step = Math.floor((percent / 100) * UTILIZATION_STEP_COUNT);
  return `var(--u${Math.min(step, UTILIZATION_STEP_COUNT - 1)})`;
}

/** Its ends come too near to a dark and to a light page. */
const MARGIN = 0.08;

/**
 * Viridis, which looks evenly graded to every eye, colour-blind ones too, and in print without colour; see Nuñez, Anderton,
 * Renslow, "Optimizing colormaps with consideration for color vision deficiency", PLOS ONE 13 (2018). What is high stands
 * out from the page: dark on light, light on dark.
 * @returns a colour for each step
 */
export function utilizationColours(background: 'light' | 'dark'): readonly string[] {
  const viridis = scheme('viridis') as (share: number) => string;
  return Array.from({ length: UTILIZATION_STEP_COUNT }, (_, step) => {
    const share = MARGIN + (step / (UTILIZATION_STEP_COUNT - 1)) * (1 - 2 * MARGIN);
    return viridis(background === 'dark' ? share : 1 - share);
  });
}
