/** Picture of a field: deep-zoom tiles, boxes on a canvas, stretch, and what is under the cursor. */

import OpenSeadragon from "openseadragon";
import { useCallback, useEffect, useRef, useState } from "react";
import type { Box, PictureInfo } from "./api";
import { BoxDragging } from "./BoxDragging";
import { drawBoxes, flipped, type BoxItem, type Transform } from "./boxes";
import { degrees, hours, skyAt } from "./sky";
import { StretchControls, type StretchValues } from "./StretchControls";

interface Props {
  picture: PictureInfo;
  tiles: string;
  objects: BoxItem[];
  selected?: string | null;
  onSelect?: (id: string | null) => void;
  /** Object to bring into view, with a number that changes with each wish. */
  focus?: { id: string; count: number };
  /** Draw a new box, or change that of the selected object. */
  drawing?: "add" | "edit" | null;
  onBox?: (box: Box) => void;
}

const TILE = 256;

function tileSource(picture: PictureInfo, tiles: string, query: string) {
  return {
    width: picture.width,
    height: picture.height,
    tileSize: TILE,
    tileOverlap: 1,
    getTileUrl: (level: number, x: number, y: number) =>
      `${tiles}/${level}/${x}_${y}.jpg${query}`,
  };
}

function queryOf(values: StretchValues | null): string {
  if (values === null) return "";
  const { black, white, softening } = values;
  return `?black=${black.toFixed(3)}&white=${white.toFixed(3)}&softening=${softening.toFixed(3)}`;
}

export function SkyView({ picture, tiles, objects, selected = null, onSelect, focus, drawing = null, onBox }: Props) {
  const holder = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const viewer = useRef<OpenSeadragon.Viewer | null>(null);
  const [stretch, setStretch] = useState<StretchValues | null>(null);
  const [showBoxes, setShowBoxes] = useState(true);
  const [hover, setHover] = useState<string | null>(null);
  const [ready, setReady] = useState(false);
  const [failed, setFailed] = useState(false);
  const readout = useRef<HTMLOutputElement>(null);

  const transform = useCallback((): Transform | null => {
    const item = viewer.current?.world.getItemAt(0);
    if (!item) return null;
    const zero = item.imageToViewerElementCoordinates(new OpenSeadragon.Point(0, 0));
    const one = item.imageToViewerElementCoordinates(new OpenSeadragon.Point(picture.width, 0));
    return { x: zero.x, y: zero.y, scale: (one.x - zero.x) / picture.width };
  }, [picture.width]);

  const redraw = useCallback(() => {
    const place = transform();
    if (!canvas.current || !place) return;
    const shown = showBoxes ? objects : objects.filter((item) => item.id === selected);
    drawBoxes(canvas.current, place, shown, picture, { selected, hover });
  }, [objects, selected, hover, showBoxes, picture, transform]);
  const latest = useRef({ redraw, objects, onSelect, showBoxes });
  latest.current = { redraw, objects, onSelect, showBoxes };
  useEffect(redraw, [redraw, ready]);

  const objectAt = useCallback(
    (x: number, y: number): string | null => {
      const place = transform();
      if (!place || !latest.current.showBoxes) return null;
      const slack = 4 / place.scale;
      const [px, py] = [(x - place.x) / place.scale, (y - place.y) / place.scale];
      let best: BoxItem | null = null;
      const area = (box: Box) => (box[2] - box[0]) * (box[3] - box[1]);
      for (const item of latest.current.objects) {
        const [left, top, right, bottom] = flipped(item.box, picture);
        const inside = px > left - slack && px < right + slack && py > top - slack && py < bottom + slack;
        if (inside && (!best || area(item.box) < area(best.box))) best = item;
      }
      return best ? best.id : null;
    },
    [picture, transform],
  );

  useEffect(() => {
    const made = OpenSeadragon({
      element: holder.current!,
      drawer: "canvas",
      showNavigationControl: false,
      animationTime: 0.35,
      maxZoomPixelRatio: 12,
      minZoomImageRatio: 0.7,
      visibilityRatio: 0.2,
      imageSmoothingEnabled: true,
      gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
      gestureSettingsTouch: { clickToZoom: false, dblClickToZoom: true },
    });
    viewer.current = made;
    made.canvas.setAttribute("role", "application");
    made.canvas.setAttribute("aria-label", "Picture of the field: arrows move it, plus and minus zoom");
    made.addHandler("update-viewport", () => latest.current.redraw());
    made.addHandler("resize", () => latest.current.redraw());
    made.addHandler("canvas-click", (event) => {
      if (event.quick) latest.current.onSelect?.(objectAt(event.position.x, event.position.y));
    });
    made.addHandler("tile-load-failed", () => setFailed(true));
    return () => {
      viewer.current = null;
      setReady(false);
      made.destroy();
    };
  }, [picture, tiles, objectAt]);

  const query = queryOf(stretch);
  useEffect(() => {
    const made = viewer.current;
    if (!made) return;
    made.addTiledImage({
      tileSource: tileSource(picture, tiles, query) as unknown as OpenSeadragon.TileSource,
      success: (event) => {
        const item = (event as unknown as { item: OpenSeadragon.TiledImage }).item;
        // The picture before stays until this one is there, so that nothing flickers.
        const removeOthers = () => {
          while (made.world.getItemCount() > 1 && made.world.getItemAt(0) !== item) {
            made.world.removeItem(made.world.getItemAt(0));
          }
        };
        if (item.getFullyLoaded()) removeOthers();
        else item.addHandler("fully-loaded-change", removeOthers);
        setReady(true);
      },
    });
  }, [picture, tiles, query]);

  useEffect(() => {
    const made = viewer.current;
    const item = objects.find((one) => one.id === focus?.id);
    if (!made || !ready || !item) return;
    const [left, top, right, bottom] = flipped(item.box, picture);
    const unit = 1 / picture.width;
    const side = Math.max(right - left, bottom - top, 24) * unit;
    const view = made.viewport.getBounds();
    const seen = [
      new OpenSeadragon.Point(left * unit, top * unit),
      new OpenSeadragon.Point(right * unit, bottom * unit),
    ].every((corner) => view.containsPoint(corner));
    const centre = new OpenSeadragon.Point(((left + right) / 2) * unit, ((top + bottom) / 2) * unit);
    if (side < view.width / 25) {
      const width = Math.max(side * 12, 90 * unit);
      const height = (width * view.height) / view.width;
      made.viewport.fitBounds(new OpenSeadragon.Rect(centre.x - width / 2, centre.y - height / 2, width, height));
    } else if (!seen) {
      made.viewport.panTo(centre);
    }
  }, [focus?.id, focus?.count, ready]);

  const move = (event: React.PointerEvent) => {
    const place = transform();
    if (!place || !readout.current) return;
    const bounds = holder.current!.getBoundingClientRect();
    const [left, top] = [event.clientX - bounds.left, event.clientY - bounds.top];
    const x = (left - place.x) / place.scale;
    const down = (top - place.y) / place.scale;
    const y = picture.origin === "lower" ? picture.height - down : down;
    const within = x >= 0 && y >= 0 && x <= picture.width && y <= picture.height;
    const sky = picture.sky && within && skyAt(picture.sky, x / picture.width, y / picture.height);
    readout.current.textContent = within
      ? `x ${x.toFixed(1)}  y ${y.toFixed(1)}` +
        (sky ? `   ${hours(sky.ra)} ${degrees(sky.dec)}   ${sky.ra.toFixed(5)}° ${sky.dec.toFixed(5)}°` : "")
      : "";
    if (event.pointerType !== "touch") setHover(objectAt(left, top));
  };

  const zoom = (factor: number) => {
    viewer.current?.viewport.zoomBy(factor);
    viewer.current?.viewport.applyConstraints();
  };

  return (
    <section className="sky" aria-label="Picture">
      <div className="tools">
        <button onClick={() => zoom(1.6)} title="Zoom in (+)" aria-label="Zoom in">
          +
        </button>
        <button onClick={() => zoom(1 / 1.6)} title="Zoom out (−)" aria-label="Zoom out">
          −
        </button>
        <button onClick={() => viewer.current?.viewport.goHome()} title="Whole field (0)">
          Whole
        </button>
        {objects.length > 0 && (
          <button aria-pressed={showBoxes} onClick={() => setShowBoxes(!showBoxes)}>
            Boxes
          </button>
        )}
        <StretchControls picture={picture} values={stretch} onChange={setStretch} />
      </div>
      <div className={`stage ${hover && !drawing ? "over" : ""}`} onPointerMove={move} onPointerLeave={() => setHover(null)}>
        <div ref={holder} className="deep" data-ready={ready} />
        <canvas ref={canvas} className="boxes" aria-hidden="true" />
        {drawing && onBox && (
          <BoxDragging
            picture={picture}
            transform={transform}
            box={drawing === "edit" ? (objects.find((item) => item.id === selected)?.box ?? null) : null}
            onBox={onBox}
          />
        )}
        {failed && <p className="alert over-picture">Parts of the picture cannot be loaded.</p>}
      </div>
      <output ref={readout} className="readout" aria-label="Place of the cursor" />
    </section>
  );
}
