/** Black, white and softening of the picture, which the server applies to its tiles. */

import { useEffect, useRef, useState } from "react";
import type { PictureInfo } from "./api";

export interface StretchValues {
  black: number;
  white: number;
  softening: number;
}

interface Props {
  picture: PictureInfo;
  values: StretchValues | null;
  onChange: (values: StretchValues | null) => void;
}

const DELAY = 200; // milliseconds that a slider rests until the picture changes

export function StretchControls({ picture, values, onChange }: Props) {
  const start: StretchValues = { black: picture.black, white: picture.white, softening: picture.softening };
  const [shown, setShown] = useState(values ?? start);
  const timer = useRef(0);
  useEffect(() => () => window.clearTimeout(timer.current), []);

  const change = (name: keyof StretchValues, value: number) => {
    const next = { ...shown, [name]: value };
    setShown(next);
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(() => onChange(next), DELAY);
  };
  const blackRange = picture.linear ? [-5, 20] : [0, 254];
  const whiteRange = picture.linear ? [1, 2000] : [1, 1000];

  return (
    <details className="stretch">
      <summary>Stretch</summary>
      <div className="sheet">
        <Slider
          name="Black"
          value={shown.black}
          position={shown.black}
          range={blackRange}
          onMove={(position) => change("black", position)}
        />
        <Slider
          name="White"
          value={shown.white}
          position={Math.log10(shown.white)}
          range={whiteRange.map(Math.log10)}
          onMove={(position) => change("white", 10 ** position)}
        />
        <Slider
          name="Softening"
          value={shown.softening}
          position={Math.log10(shown.softening)}
          range={[-2, 2]}
          onMove={(position) => change("softening", 10 ** position)}
        />
        <button
          disabled={values === null}
          onClick={() => {
            window.clearTimeout(timer.current);
            setShown(start);
            onChange(null);
          }}
        >
          As the detector sees it
        </button>
        <p className="hint">
          {picture.linear
            ? "Black and white in units of the noise of the sky; softening compresses bright parts (asinh)."
            : "A finished picture: black and white in its levels, 0 to 255."}
        </p>
      </div>
    </details>
  );
}

function Slider({
  name,
  value,
  position,
  range,
  onMove,
}: {
  name: string;
  value: number;
  position: number;
  range: number[];
  onMove: (position: number) => void;
}) {
  return (
    <label>
      {name}
      <input
        type="range"
        min={range[0]}
        max={range[1]}
        step={(range[1] - range[0]) / 400}
        value={position}
        aria-valuetext={value.toPrecision(3)}
        onChange={(event) => onMove(Number(event.target.value))}
      />
      <span className="number">{value.toPrecision(3)}</span>
    </label>
  );
}
