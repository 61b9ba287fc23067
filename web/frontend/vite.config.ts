import { createHash } from "node:crypto";
import { readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { defineConfig } from "vite";

const OUT = "../static";
const SOURCES = [
  "../../files/templates/colours.css",
  "index.html",
  "package-lock.json",
  "package.json",
  "public",
  "src",
  "tsconfig.json",
  "vite.config.ts",
];

/** The files of a folder and those below it, in a stable order. */
function filesIn(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path)
    .sort()
    .flatMap((name) => filesIn(join(path, name)));
}

/** Checksum of the sources, by which a test sees that the bundle was built from them. */
function checksum(): string {
  const hash = createHash("sha256");
  for (const file of SOURCES.flatMap(filesIn)) {
    hash.update(file.replaceAll("\\", "/") + "\0");
    hash.update(readFileSync(file));
    hash.update("\0");
  }
  return hash.digest("hex");
}

export default defineConfig({
  base: "/",
  build: { outDir: OUT, emptyOutDir: true, target: "es2022" },
  esbuild: { jsx: "automatic", legalComments: "none" },
  plugins: [
    {
      name: "checksum-of-sources",
      closeBundle() {
        writeFileSync(join(OUT, "sources.sha256"), checksum() + "\n");
      },
    },
  ],
});
