/** A layer over the picture on which a box is drawn, or its edges are dragged. */

import { useEffect, useRef, useState } from "react";
import type { Box, PictureInfo } from "./api";
import { flipped, type Transform } from "./boxes";

const REACH = 14; // screen pixels around an edge that take hold of it

interface Props {
  picture: PictureInfo;
  transform: () => Transform | null;
  /** The box that is changed; null to draw a new one. */
  box: Box | null;
  onBox: (box: Box) => void;
}

interface Hold {
  x: number;
  y: number;
  from: Box;
  /** Which of the edges xmin, ymin, xmax, ymax follow. */
  edges: [boolean, boolean, boolean, boolean];
}

export function BoxDragging({ picture, transform, box, onBox }: Props) {
  const layer = useRef<HTMLDivElement>(null);
  const hold = useRef<Hold | null>(null);
  const [drawn, setDrawn] = useState<Box | null>(null);
  useEffect(() => setDrawn(null), [box]);

  const point = (event: React.PointerEvent): [number, number] => {
    const place = transform()!;
    const bounds = layer.current!.getBoundingClientRect();
    return [
      (event.clientX - bounds.left - place.x) / place.scale,
      (event.clientY - bounds.top - place.y) / place.scale,
    ];
  };

  const down = (event: React.PointerEvent) => {
    const [x, y] = point(event);
    layer.current!.setPointerCapture(event.pointerId);
    if (box === null) {
      hold.current = { x, y, from: [x, y, x, y], edges: [false, false, true, true] };
      return;
    }
    const from = flipped(box, picture);
    const reach = REACH / transform()!.scale;
    const near = from.map((edge, place) => Math.abs((place % 2 ? y : x) - edge) < reach);
    const within =
      x > from[0] - reach && x < from[2] + reach && y > from[1] - reach && y < from[3] + reach;
    if (!within) return;
    const edges = near.some(Boolean) ? near : [true, true, true, true];
    hold.current = { x, y, from, edges: edges as Hold["edges"] };
  };

  const move = (event: React.PointerEvent) => {
    if (!hold.current) return;
    const [x, y] = point(event);
    const { from, edges } = hold.current;
    const shift = [x - hold.current.x, y - hold.current.y];
    const moved = from.map((edge, place) => (edges[place] ? edge + shift[place % 2] : edge));
    const limit = (value: number, most: number) => Math.min(Math.max(value, 0), most);
    setDrawn([
      limit(Math.min(moved[0], moved[2]), picture.width),
      limit(Math.min(moved[1], moved[3]), picture.height),
      limit(Math.max(moved[0], moved[2]), picture.width),
      limit(Math.max(moved[1], moved[3]), picture.height),
    ]);
  };

  const up = () => {
    hold.current = null;
    if (!drawn || drawn[2] - drawn[0] < 2 || drawn[3] - drawn[1] < 2) return;
    const rounded = flipped(drawn, picture).map((edge) => Math.round(edge * 100) / 100);
    onBox(rounded as Box);
  };

  const place = drawn && transform();
  return (
    <div ref={layer} className="dragging" onPointerDown={down} onPointerMove={move} onPointerUp={up}>
      {place && drawn && (
        <span
          style={{
            left: place.x + drawn[0] * place.scale,
            top: place.y + drawn[1] * place.scale,
            width: (drawn[2] - drawn[0]) * place.scale,
            height: (drawn[3] - drawn[1]) * place.scale,
          }}
        />
      )}
    </div>
  );
}
