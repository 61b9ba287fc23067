/** Boxes of objects, drawn on a canvas: thousands take a few milliseconds. */

import type { Box, PictureInfo } from "./api";

export interface BoxItem {
  id: string;
  box: Box;
  colour: string;
  text: string;
  /** The class is less probable than all others together. */
  doubtful: boolean;
  corrected: boolean;
  odd: boolean;
}

/** Place of the picture on the screen: of its top left corner, and screen pixels per pixel. */
export interface Transform {
  x: number;
  y: number;
  scale: number;
}

/** A box of the catalogue as displayed, top row first; and back again. */
export function flipped([xmin, ymin, xmax, ymax]: Box, { origin, height }: PictureInfo): Box {
  return origin === "lower" ? [xmin, height - ymax, xmax, height - ymin] : [xmin, ymin, xmax, ymax];
}

interface State {
  selected: string | null;
  hover: string | null;
}

const GAP = 3; // screen pixels between a box and its line
const LABELLED = 44; // screen pixels from which a box has a label
const DASHED = 16; // screen pixels from which the box of a doubtful class is dashed
const CROWD = 1500; // boxes in view from which they have no dark outline
const DASHES = [5, 4];
const OUTLINE = "rgba(0, 0, 0, 0.6)";
const FONT = "12px system-ui, sans-serif";

export function drawBoxes(
  canvas: HTMLCanvasElement,
  place: Transform,
  items: BoxItem[],
  picture: PictureInfo,
  state: State,
): void {
  const { clientWidth: width, clientHeight: height } = canvas;
  const ratio = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  canvas.dataset.transform = `${place.x} ${place.y} ${place.scale}`;
  const pen = canvas.getContext("2d")!;
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  pen.font = FONT;
  pen.textBaseline = "bottom";
  const front: [BoxItem, Box][] = [];
  const back: [BoxItem, Box][] = [];
  // Boxes of one style together, each by strokeRect: a path of thousands of boxes takes five times as long.
  const lines = new Map<string, { boxes: Box[]; colour: string; dashed: boolean }>();
  for (const item of items) {
    const [xmin, ymin, xmax, ymax] = flipped(item.box, picture);
    const box: Box = [
      place.x + xmin * place.scale - GAP,
      place.y + ymin * place.scale - GAP,
      place.x + xmax * place.scale + GAP,
      place.y + ymax * place.scale + GAP,
    ];
    if (box[2] < 0 || box[3] < 0 || box[0] > width || box[1] > height) continue;
    if (item.id === state.selected || item.id === state.hover) {
      front.push([item, box]);
      continue;
    }
    const dashed = item.doubtful && Math.max(box[2] - box[0], box[3] - box[1]) > DASHED;
    const key = `${item.colour} ${dashed}`;
    let line = lines.get(key);
    if (!line) lines.set(key, (line = { boxes: [], colour: item.colour, dashed }));
    line.boxes.push(box);
    back.push([item, box]);
  }
  if (back.length < CROWD) {
    pen.strokeStyle = OUTLINE;
    pen.lineWidth = 3;
    for (const [, box] of back) strokeBox(pen, box);
  }
  pen.lineWidth = 1.4;
  for (const { boxes, colour, dashed } of lines.values()) {
    pen.setLineDash(dashed ? DASHES : []);
    pen.strokeStyle = colour;
    for (const box of boxes) strokeBox(pen, box);
  }
  pen.setLineDash([]);
  for (const [item, box] of back) drawMarks(pen, item, box, false);
  for (const [item, box] of front) drawNear(pen, item, box, item.id === state.selected);
}

const widths = new Map<string, number>();

/** Width of a text; measuring hundreds in every frame takes longer than drawing them. */
function widthOf(pen: CanvasRenderingContext2D, text: string): number {
  let width = widths.get(text);
  if (width === undefined) widths.set(text, (width = pen.measureText(text).width));
  return width;
}

function strokeBox(pen: CanvasRenderingContext2D, [left, top, right, bottom]: Box): void {
  pen.strokeRect(left, top, right - left, bottom - top);
}

function drawNear(pen: CanvasRenderingContext2D, item: BoxItem, box: Box, selected: boolean): void {
  pen.setLineDash(item.doubtful ? DASHES : []);
  pen.strokeStyle = OUTLINE;
  pen.lineWidth = selected ? 5 : 3;
  strokeBox(pen, box);
  pen.strokeStyle = selected ? "#ffffff" : item.colour;
  pen.lineWidth = selected ? 2.5 : 2;
  strokeBox(pen, box);
  pen.setLineDash([]);
  drawMarks(pen, item, box, true);
}

/** The mark of a corrected or odd object, and the label. */
function drawMarks(pen: CanvasRenderingContext2D, item: BoxItem, [left, top, right, bottom]: Box, near: boolean): void {
  if (item.odd || item.corrected) {
    pen.fillStyle = item.odd ? "#ffffff" : item.colour;
    pen.beginPath();
    pen.moveTo(right, top - 5);
    pen.lineTo(right + 5, top);
    pen.lineTo(right, top + 5);
    pen.lineTo(right - 5, top);
    pen.fill();
  }
  if (!near && Math.max(right - left, bottom - top) < LABELLED) return;
  const text = near ? item.text : (item.text.match(/[\d.]+$/)?.[0] ?? item.text);
  const wide = widthOf(pen, text) + 8;
  const base = top - 3 < 17 ? bottom + 19 : top - 3;
  pen.fillStyle = "rgba(6, 10, 14, 0.78)";
  pen.fillRect(left, base - 16, wide, 16);
  pen.fillStyle = item.colour;
  pen.fillText(text, left + 4, base - 1);
}
