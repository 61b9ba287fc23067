/** Address of the page, theme, and the frame around every view. */

import { useEffect, useState } from "react";
import { get, type ServerInfo } from "./api";
import { Home } from "./Home";
import { JobView } from "./JobView";
import { RunView } from "./RunView";

type Theme = "auto" | "light" | "dark";
const THEMES: Theme[] = ["auto", "light", "dark"];

function useAddress(): string[] {
  const read = () => location.hash.replace(/^#\/?/, "").split("/").filter(Boolean);
  const [parts, setParts] = useState(read);
  useEffect(() => {
    const change = () => setParts(read());
    window.addEventListener("hashchange", change);
    return () => window.removeEventListener("hashchange", change);
  }, []);
  return parts;
}

function useTheme(): [Theme, () => void] {
  const [theme, setTheme] = useState<Theme>(
    () => THEMES.find((name) => name === localStorage.getItem("theme")) ?? "auto",
  );
  useEffect(() => {
    document.documentElement.dataset.theme = theme;
    localStorage.setItem("theme", theme);
  }, [theme]);
  return [theme, () => setTheme(THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length])];
}

export function App() {
  const [view, first, second] = useAddress();
  const [theme, nextTheme] = useTheme();
  const [info, setInfo] = useState<ServerInfo | null>(null);
  const [error, setError] = useState("");
  const [trail, setTrail] = useState<string[]>([]);

  useEffect(() => {
    get<ServerInfo>("info").then(setInfo, (problem: Error) => setError(problem.message));
  }, []);
  useEffect(() => {
    document.title = ["galpipe", ...trail].reverse().join(" · ");
  }, [trail]);

  return (
    <div className="app">
      <header className="bar">
        <a className="wordmark" href="#/">
          <svg viewBox="0 0 24 24" aria-hidden="true">
            <path d="M12 12c2.6-3.4 7-1.7 7 1.7M12 12c-2.6 3.4-7 1.7-7-1.7M12 12C8.6 11.1 7.8 7 11.2 4.3M12 12c3.4.9 4.2 5 .8 7.7" />
            <circle cx="12" cy="12" r="1.7" />
          </svg>
          galpipe
        </a>
        <nav className="trail" aria-label="Place">
          {trail.map((text) => (
            <span key={text} title={text}>
              {text}
            </span>
          ))}
        </nav>
        <span className="grow" />
        <button className="quiet" onClick={nextTheme} title="Change between light and dark">
          Theme: {theme}
        </button>
      </header>
      {error && (
        <p className="alert" role="alert">
          {error}
        </p>
      )}
      {info &&
        (view === "run" && first ? (
          <RunView key={first} run={first} field={Number(second ?? 0) || 0} info={info} setTrail={setTrail} />
        ) : view === "job" && first ? (
          <JobView key={first} id={first} setTrail={setTrail} />
        ) : (
          <Home info={info} setTrail={setTrail} />
        ))}
    </div>
  );
}
