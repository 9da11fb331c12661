/**
 * Nonlinear least squares within bounds: Levenberg-Marquardt with an active set. A parameter that stands at its bound and would leave it
 * is held there for one step; a step past a bound ends at it. For a handful of parameters and points: the normal equations are solved
 * directly.
 */

export interface Bounds {
  readonly low: readonly number[];
  readonly high: readonly number[];
}

export interface LeastSquares {
  readonly parameters: readonly number[];
  readonly sumOfSquares: number;
}

/** The residuals of one choice of parameters, and of each residual its derivative by each parameter. */
export type Model = (parameters: readonly number[]) => {
  readonly residuals: readonly number[];
  readonly gradients: readonly (readonly number[])[];
};

const MAX_STEPS = 500;
/** A step that improves the sum by less than this share is the last. */
const ENOUGH = 1e-14;

export function leastSquares(model: Model, start: readonly number[], bounds: Bounds): LeastSquares {
  let here = evaluate(model, inside(start, bounds));
  let damping = 1e-3;
  for (let step = 0; step < MAX_STEPS; step++) {
    const next = evaluate(model, inside(moved(here, damping, bounds), bounds));
    if (!(next.sumOfSquares < here.sumOfSquares)) {
      if (damping > 1e12) break;
      damping *= 8;
      continue;
    }
    const gain = here.sumOfSquares - next.sumOfSquares;
    here = next;
    damping = Math.max(damping / 8, 1e-12);
    if (gain <= ENOUGH * here.sumOfSquares) break;
  }
  return { parameters: here.parameters, sumOfSquares: here.sumOfSquares };
}

interface Place extends LeastSquares {
  /** Transposed Jacobian times the residuals. */
  readonly slope: readonly number[];
  /** Transposed Jacobian times the Jacobian. */
  readonly curvature: readonly (readonly number[])[];
}

function evaluate(model: Model, parameters: readonly number[]): Place {
  const { residuals, gradients } = model(parameters);
  const slope = parameters.map((_, i) =>
    sum(residuals.map((residual, at) => residual * (gradients[at]?.[i] as number))),
  );
  const curvature = parameters.map((_, i) =>
    parameters.map((__, j) => sum(gradients.map((gradient) => (gradient[i] as number) * (gradient[j] as number)))),
  );
  return { parameters, sumOfSquares: sum(residuals.map((residual) => residual ** 2)), slope, curvature };
}

function moved(place: Place, damping: number, bounds: Bounds): number[] {
  const { parameters, slope, curvature } = place;
  const free = parameters.flatMap((value, i) => {
    const outward = slope[i] as number;
    const held =
      (value <= (bounds.low[i] as number) && outward > 0) || (value >= (bounds.high[i] as number) && outward < 0);
    return held ? [] : [i];
  });
  const matrix = free.map((i) =>
    free.map((j) => (curvature[i]?.[j] as number) * (i === j ? 1 + damping : 1) + (i === j ? Number.MIN_VALUE : 0)),
  );
  const step = solve(
    matrix,
    free.map((i) => -(slope[i] as number)),
  );
  const next = [...parameters];
  for (const [at, i] of free.entries()) next[i] = (next[i] as number) + (step[at] as number);
  return next;
}

/** Gauss with pivots. A singular row gives a step of 0. */
function solve(matrix: readonly (readonly number[])[], right: readonly number[]): number[] {
  const rows = matrix.map((row, i) => [...row, right[i] as number]);
  const size = rows.length;
  for (let column = 0; column < size; column++) {
    let pivot = column;
    for (let row = column + 1; row < size; row++) {
      if (Math.abs(rows[row]?.[column] as number) > Math.abs(rows[pivot]?.[column] as number)) pivot = row;
    }
    [rows[column], rows[pivot]] = [rows[pivot] as number[], rows[column] as number[]];
    const head = rows[column] as number[];
    for (const [row, cells] of rows.entries()) {
      if (row === column || head[column] === 0) continue;
      const factor = (cells[column] as number) / (head[column] as number);
      for (let cell = column; cell <= size; cell++)
        cells[cell] = (cells[cell] as number) - factor * (head[cell] as number);
    }
  }
  return rows.map((row, i) => (row[i] === 0 ? 0 : (row[size] as number) / (row[i] as number)));
}

function inside(parameters: readonly number[], { low, high }: Bounds): number[] {
  return parameters.map((value, i) => Math.min(Math.max(value, low[i] as number), high[i] as number));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
