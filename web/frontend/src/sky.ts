/** Sky coordinates: interpolation on the grid of a picture, and their notation. */

import type { SkyGrid } from "./api";

export interface Position {
  ra: number;
  dec: number;
}

const RADIANS = Math.PI / 180;

function vector(grid: SkyGrid, index: number): [number, number, number] | null {
  const ra = grid.ra[index];
  const dec = grid.dec[index];
  if (ra === null || dec === null) return null;
  const [east, north] = [ra * RADIANS, dec * RADIANS];
  return [Math.cos(north) * Math.cos(east), Math.cos(north) * Math.sin(east), Math.sin(north)];
}

/** Sky coordinates at a place of a field, 0 to 1 along each side from row 0 and column 0. */
export function skyAt(grid: SkyGrid, x: number, y: number): Position | null {
  if (x < 0 || y < 0 || x > 1 || y > 1) return null;
  const { cells } = grid;
  const column = Math.min(Math.floor(x * cells), cells - 1);
  const row = Math.min(Math.floor(y * cells), cells - 1);
  const [u, v] = [x * cells - column, y * cells - row];
  const first = row * (cells + 1) + column;
  const weights = [(1 - u) * (1 - v), u * (1 - v), (1 - u) * v, u * v];
  const sum = [0, 0, 0];
  for (const [place, offset] of [0, 1, cells + 1, cells + 2].entries()) {
    const corner = vector(grid, first + offset);
    if (corner === null) return null;
    corner.forEach((value, axis) => (sum[axis] += weights[place] * value));
  }
  const ra = Math.atan2(sum[1], sum[0]) / RADIANS;
  return { ra: (ra + 360) % 360, dec: Math.atan2(sum[2], Math.hypot(sum[0], sum[1])) / RADIANS };
}

function sexagesimal(value: number, digits: number): string {
  const power = 10 ** digits;
  const total = Math.round(Math.abs(value) * 3600 * power);
  const seconds = (total % (60 * power)) / power;
  const minutes = Math.floor(total / (60 * power)) % 60;
  const whole = Math.floor(total / (3600 * power));
  const width = digits ? digits + 3 : 2;
  return `${String(whole).padStart(2, "0")}:${String(minutes).padStart(2, "0")}:${seconds
    .toFixed(digits)
    .padStart(width, "0")}`;
}

export const hours = (ra: number) => sexagesimal((((ra / 15) % 24) + 24) % 24, 2);
export const degrees = (dec: number) => (dec < 0 ? "−" : "+") + sexagesimal(dec, 1);

/** Pages of sky surveys at a position. */
export function surveys({ ra, dec }: Position): [string, string][] {
  const [a, d] = [ra.toFixed(6), dec.toFixed(6)];
  const sign = dec < 0 ? "" : "%2B";
  return [
    ["Legacy Surveys", `https://www.legacysurvey.org/viewer?ra=${a}&dec=${d}&layer=ls-dr10&zoom=15`],
    ["SDSS", `https://skyserver.sdss.org/dr18/VisualTools/navi?ra=${a}&dec=${d}&scale=0.2`],
    ["Aladin Lite", `https://aladin.cds.unistra.fr/AladinLite/?target=${a}%20${d}&fov=0.05`],
    ["SIMBAD", `https://simbad.cds.unistra.fr/simbad/sim-coo?Coord=${a}d${sign}${d}d&Radius=10&Radius.unit=arcsec`],
  ];
}
