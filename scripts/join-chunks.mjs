// Joins the small files that the cutter makes of what several chunks share.
//
// For every set of chunks that have some function in common, and nobody else has, the cutter makes a
// file: hundreds of them, most of a few hundred bytes, and a first visit would ask for a hundred. Two
// files become one where what a visit then asks for in vain costs less than what a request does.
//
//   node scripts/join-chunks.mjs target/site/pkg

import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What a request costs, counted in bytes on their way: head, answer's head, and a turn to wait for. */
const REQUEST = 900;
/** What of a file is left when it is optimised and compressed. */
const COMPRESSED = 0.3;
/** Chunks that a page fetches once it lives: a byte of theirs is as good as free. */
const LATER = { history: 0.1, tools: 0.1, demo: 0.1 };
const FEATURES = ['bulk-memory', 'nontrapping-float-to-int', 'sign-ext', 'mutable-globals', 'reference-types', 'multivalue'];

const folder = process.argv[2];
const features = [...FEATURES, 'multimemory'].map((name) => `--enable-${name}`);
const manifest_path = join(folder, '__wasm_split_manifest.json');
const manifest = JSON.parse(readFileSync(manifest_path, 'utf8'));
const loader_path = join(folder, readdirSync(folder).find((name) => /^__wasm_split\..*\.js$/.test(name)));
let loader = readFileSync(loader_path, 'utf8');

const groups = plan();
joinAll(groups);

/** The groups of files that become one each. */
function plan() {
  const users = new Map();
  for (const [chunk, files] of Object.entries(manifest)) {
    for (const file of files.filter((file) => file.startsWith('chunk_'))) {
      users.set(file, (users.get(file) ?? new Set()).add(chunk));
    }
  }
  const groups = [...users].map(([file, users]) => ({
    files: [file],
    users,
    size: readFileSync(join(folder, `${file}.wasm`)).length * COMPRESSED,
  }));
  const weight = (chunks) => chunks.reduce((sum, chunk) => sum + (LATER[chunk] ?? 1), 0);
  const gain = (one, other) => {
    const [ours, theirs] = [[...one.users], [...other.users]];
    const both = weight(ours.filter((chunk) => other.users.has(chunk)));
    const vain = weight(theirs.filter((chunk) => !one.users.has(chunk))) * one.size;
    const vain_too = weight(ours.filter((chunk) => !other.users.has(chunk))) * other.size;
    return both * REQUEST - vain - vain_too;
  };
  for (;;) {
    let best = { gain: 0 };
    groups.forEach((one, at) => {
      for (let with_ = at + 1; with_ < groups.length; with_ += 1) {
        const found = gain(one, groups[with_]);
        if (found > best.gain) best = { gain: found, at, with: with_ };
      }
    });
    if (best.gain <= 0) return groups;
    const [gone] = groups.splice(best.with, 1);
    const kept = groups[best.at];
    kept.files.push(...gone.files);
    gone.users.forEach((chunk) => kept.users.add(chunk));
    kept.size += gone.size;
  }
}

/** Joins the files of each group, and says so to the loader and in the list of files. */
function joinAll(groups) {
  const before = groups.reduce((sum, group) => sum + group.files.length, 0);
  const renamed = new Map();
  groups.forEach((group, at) => {
    const name = `shared_${at}`;
    joinFiles(group.files, name);
    for (const file of group.files) {
      rmSync(join(folder, `${file}.wasm`), { force: true });
      renamed.set(file, name);
    }
  });
  for (const chunk of Object.keys(manifest)) {
    manifest[chunk] = [...new Set(manifest[chunk].map((file) => renamed.get(file) ?? file))];
  }
  writeFileSync(manifest_path, JSON.stringify(manifest, null, 2));
  // Each file is one statement of the loader's; whoever needs one of a group waits for the group's.
  const statement = /const __(chunk_\d+) = makeLoad\(.*?\n, \[.*?\]\);\n/gs;
  const begun = new Set();
  loader = loader.replace(statement, (text, file) => {
    const name = renamed.get(file);
    if (name === undefined) return text;
    const alias = `const __${file} = __${name};\n`;
    if (begun.has(name)) return alias;
    begun.add(name);
    return text.replace(`const __${file} =`, `const __${name} =`).replace(`./${file}.wasm`, `./${name}.wasm`) + alias;
  });
  loader = loader.replace('sharedImports = { __wasm_split: {  } };', 'sharedImports = { __wasm_split: {  } };\n        sharedImports.host = sharedImports.__wasm_split;');
  if (begun.size !== groups.length || !loader.includes('sharedImports.host')) throw new Error(`${loader_path} is not as expected: the cutter has changed`);
  writeFileSync(loader_path, loader);
  console.log(`  ${before} shared files became ${groups.length}`);
}

/** One file of several. What each imports is imported once: all go through one module between. */
function joinFiles(files, name) {
  const between = join(folder, `${name}.between.wasm`);
  const text = join(folder, `${name}.between.wat`);
  writeFileSync(text, betweenOf(files));
  run('wasm-as', text, '-o', between);
  const parts = files.flatMap((file) => [join(folder, `${file}.wasm`), file]);
  run('wasm-merge', between, '__wasm_split', ...parts, '-o', join(folder, `${name}.wasm`));
  rmSync(between);
  rmSync(text);
}

/** A module that hands on what files import: memory, table and globals of the main part. */
function betweenOf(files) {
  const found = new Map();
  for (const file of files) {
    for (const line of run('wasm-dis', join(folder, `${file}.wasm`)).split('\n')) {
      const [, name, kind, type] = line.match(/^ \(import "__wasm_split" ("[^"]+") \((\w+) \$\S+ (.*)\)\)$/) ?? [];
      if (name) found.set(name, { kind, type });
    }
  }
  const each = (write) => [...found].map(([name, { kind, type }], at) => write(name, kind, type, at)).join('\n');
  const imports = each((name, kind, type, at) => `(import "host" ${name} (${kind} $it${at} ${type}))`);
  const exports = each((name, kind, type, at) => `(export ${name} (${kind} $it${at}))`);
  return `(module ${imports}\n${exports})`;
}

function run(command, ...rest) {
  return execFileSync(command, [...features, ...rest], { encoding: 'utf8', maxBuffer: 1 << 28 });
}
