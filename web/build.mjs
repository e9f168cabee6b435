// Builds the page: web/dist/{index.html,icon.svg,page.js,page.css}, and `sources.sha256`, by which `make test` sees without npm
// whether dist belongs to its sources. `--check` builds in memory and compares.
import { createHash } from "node:crypto";
import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import esbuild from "esbuild";

const here = path.dirname(fileURLToPath(import.meta.url));
const RAW_BYTES = 150_000;
const COMPRESSED_BYTES = 50_000;
const INPUTS = ["src", "static", "build.mjs", "package.json", "package-lock.json", "tsconfig.json"];

async function filesBelow(relative) {
  const entries = await readdir(path.join(here, relative), { withFileTypes: true }).catch(() => null);
  if (entries === null) return [relative];
  const below = await Promise.all(entries.map((entry) => filesBelow(`${relative}/${entry.name}`)));
  return below.flat();
}

/** One line a source, `sha256  path`, sorted by path: what `sha256sum` prints. The built files follow in the same form. */
async function sources() {
  const names = (await Promise.all(INPUTS.map(filesBelow))).flat().sort((a, b) => (a < b ? -1 : 1));
  const lines = [];
  for (const name of names) {
    lines.push(sumLine(name, await readFile(path.join(here, name))));
  }
  return lines;
}

function sumLine(name, content) {
  return `${createHash("sha256").update(content).digest("hex")}  ${name}\n`;
}

async function build() {
  const common = { absWorkingDir: here, bundle: true, write: false, minify: true, target: "es2022", charset: "utf8" };
  const script = await esbuild.build({
    ...common,
    entryPoints: ["src/main.ts"],
    format: "iife",
    legalComments: "none",
  });
  const style = await esbuild.build({ ...common, entryPoints: ["src/page.css"], legalComments: "none" });
  const files = new Map();
  files.set("page.js", script.outputFiles[0].text);
  files.set("page.css", style.outputFiles[0].text);
  for (const name of await readdir(path.join(here, "static"))) {
    files.set(name, await readFile(path.join(here, "static", name), "utf8"));
  }
  return files;
}

function weigh(files) {
  let raw = 0;
  let compressed = 0;
  for (const text of files.values()) {
    raw += Buffer.byteLength(text);
    compressed += gzipSync(text, { level: 9 }).length;
  }
  console.log(`page: ${raw} bytes raw (limit ${RAW_BYTES}), ${compressed} compressed (limit ${COMPRESSED_BYTES})`);
  if (raw > RAW_BYTES || compressed > COMPRESSED_BYTES) throw new Error("the page is over its budget of bytes");
}

const files = await build();
weigh(files);
const built = [...files].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, text]) => sumLine(`dist/${name}`, text));
files.set("sources.sha256", [...(await sources()), ...built].join(""));
const dist = path.join(here, "dist");
if (process.argv.includes("--check")) {
  const wrong = [];
  for (const [name, text] of files) {
    const there = await readFile(path.join(dist, name), "utf8").catch(() => null);
    if (there !== text) wrong.push(name);
  }
  const extra = (await readdir(dist).catch(() => [])).filter((name) => !files.has(name));
  if (wrong.length + extra.length > 0) {
    console.error(`web/dist does not match its sources: ${[...wrong, ...extra].join(", ")}; run: make web`);
    process.exit(1);
  }
  console.log("web/dist matches its sources");
} else {
  await mkdir(dist, { recursive: true });
  for (const [name, text] of files) await writeFile(path.join(dist, name), text);
}
