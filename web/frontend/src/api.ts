/** Types of the API and calls of it; `api/openapi.json` describes both. */

export interface ClassInfo {
  name: string;
  colour: string;
}

export interface ServerInfo {
  version: string;
  classes: ClassInfo[];
  detector: string;
  classifier: string;
  examples: { id: string; title: string; description: string }[];
  formats: string[];
  max_upload: number;
  keeps: boolean;
}

export interface Job {
  id: string;
  name: string;
  files: string[];
  status: "queued" | "running" | "done" | "failed" | "cancelled";
  position: number;
  done: number;
  total: number;
  progress: string;
  message: string;
  seconds: number;
  run: string | null;
}

export interface RunSummary {
  id: string;
  name: string;
  status: string;
  command: string;
  started: string;
  fields: number;
  failed: number;
  galaxies: number;
  temporary: boolean;
  /** Why it is not in the object store yet. */
  problem: string;
}

export interface FieldSummary {
  number: number;
  name: string;
  files: string[];
  width: number;
  height: number;
  galaxies: number;
  objects: number;
  notes: string[];
  overlay: boolean;
}

export interface RunDetail extends RunSummary {
  classes: ClassInfo[];
  other_classes: ClassInfo[];
  /** Evidence for a class can be shown. */
  explained: boolean;
  models: Record<string, string>;
  /** Lowest score of the galaxies. */
  score_threshold: number | null;
  field_list: FieldSummary[];
  failures: string[];
}

export type Box = [number, number, number, number];

export interface GalaxyObject {
  source_id: string;
  x: number;
  y: number;
  ra: number | null;
  dec: number | null;
  box: Box;
  score: number;
  label: string;
  probability: number | null;
  probabilities: number[] | null;
  flags: string[];
  crop: boolean;
  measured: Record<string, number | null>;
}

export interface FieldDetail extends FieldSummary {
  objects_list: GalaxyObject[];
  units: Record<string, string>;
  previous: number | null;
  next: number | null;
}

export interface SkyGrid {
  cells: number;
  ra: (number | null)[];
  dec: (number | null)[];
}

export interface PictureInfo {
  width: number;
  height: number;
  origin: "upper" | "lower";
  linear: boolean;
  black: number;
  white: number;
  softening: number;
  pixel_scale: number | null;
  sky: SkyGrid | null;
  notes: string[];
}

export interface Member {
  name: string;
  weight: number;
  probabilities: number[];
}

export interface Votes {
  probabilities: number[];
  members: Member[];
}

export interface Cutout {
  classes: string[];
  probabilities: number[] | null;
  label: string;
  members: Member[];
  notes: string[];
}

export interface CorrectedObject {
  source_id: string;
  label: string;
  box: Box | null;
  odd: boolean;
  deleted: boolean;
  added: boolean;
}

export interface CorrectedField {
  edits: number;
  objects: CorrectedObject[];
  folder: string;
}

export interface Edit {
  kind: "class" | "box" | "add" | "delete" | "odd";
  source_id?: string;
  label?: string;
  box?: Box;
  odd?: boolean;
}

async function answer<T>(response: Response): Promise<T> {
  if (response.ok) return response.status === 204 ? (undefined as T) : await response.json();
  let detail = `The server answered ${response.status}.`;
  try {
    detail = (await response.json()).detail ?? detail;
  } catch {
    // Not JSON: a proxy answered.
  }
  throw new Error(detail);
}

async function request<T>(path: string, init?: RequestInit): Promise<T> {
  let response: Response;
  try {
    response = await fetch(`/api/${path}`, init);
  } catch (error) {
    if ((error as Error).name === "AbortError") throw error;
    throw new Error("The server does not answer. Is it still running?");
  }
  return answer<T>(response);
}

export const get = <T>(path: string, signal?: AbortSignal) => request<T>(path, { signal });

export const send = <T>(method: "POST" | "DELETE", path: string, body?: unknown) =>
  request<T>(path, {
    method,
    headers: body === undefined ? {} : { "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });

export const classify = (file: Blob) =>
  request<Cutout>("classify", {
    method: "POST",
    headers: { "Content-Type": "application/octet-stream" },
    body: file,
  });

/** Upload a file; the share that is sent, 0 to 1, is reported. */
export function upload(file: File, onShare: (share: number) => void): Promise<{ id: string }> {
  return new Promise((resolve, reject) => {
    const call = new XMLHttpRequest();
    call.open("PUT", `/api/uploads?name=${encodeURIComponent(file.name)}`);
    call.upload.onprogress = (event) => onShare(event.loaded / Math.max(event.total, 1));
    call.onerror = () =>
      reject(new Error(`${file.name} was not sent: it is too large, or the server does not answer.`));
    call.onload = () => {
      let content: { id?: string; detail?: string } = {};
      try {
        content = JSON.parse(call.responseText);
      } catch {
        // Not JSON: a proxy answered.
      }
      if (call.status === 201 && content.id) resolve({ id: content.id });
      else reject(new Error(content.detail ?? `The server answered ${call.status}.`));
    };
    call.send(file);
  });
}

/** Follow a job by server-sent events, or by asking again and again where they do not arrive. */
export function follow(id: string, onJob: (job: Job) => void, onError: (text: string) => void) {
  let timer = 0;
  let closed = false;
  const over = (job: Job) => !["queued", "running"].includes(job.status);
  const poll = async () => {
    try {
      const job = await get<Job>(`jobs/${id}`);
      if (closed) return;
      onJob(job);
      if (!over(job)) timer = window.setTimeout(poll, 1500);
    } catch (error) {
      if (!closed) onError((error as Error).message);
    }
  };
  const events = new EventSource(`/api/jobs/${id}/events`);
  events.onmessage = (event) => {
    const job: Job = JSON.parse(event.data);
    onJob(job);
    if (over(job)) events.close();
  };
  events.onerror = () => {
    events.close();
    if (!closed) timer = window.setTimeout(poll, 500);
  };
  return () => {
    closed = true;
    events.close();
    window.clearTimeout(timer);
  };
}
