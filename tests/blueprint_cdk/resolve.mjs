// Runs resolvers of the users' data API (data/user_data) as AppSync does: cases as a JSON list on stdin, each {"file",
// "function", "ctx"}, one answer each as a JSON list on stdout: {"value"}, or {"error": [message, type, data]} where the
// resolver has told one. `@aws-appsync/utils` is AppSync's own and not to be had: what of it resolvers use is below, as
// its reference says (JavaScript resolvers, "Built-in utilities"), and is put where they import it from.
import { mkdtempSync, mkdirSync, copyFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';

const UTILS = `
const typed = (value) => {
  if (value === null) return { NULL: null };
  if (Array.isArray(value)) return { L: value.map(typed) };
  if (typeof value === 'object') return { M: mapped(value) };
  return { [{ string: 'S', number: 'N', boolean: 'BOOL' }[typeof value]]: value };
};
const mapped = (values) =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, typed(value)]));
export const util = {
  dynamodb: { toMapValues: mapped },
  error: (...told) => { throw Object.assign(new Error(told[0]), { told }); },
  transform: { toSubscriptionFilter: (filter) => filter },
};
export const extensions = { setSubscriptionFilter: () => undefined };
`;

const folder = mkdtempSync(join(tmpdir(), 'resolve-'));
try {
  const utils = join(folder, 'node_modules', '@aws-appsync', 'utils');
  mkdirSync(utils, { recursive: true });
  writeFileSync(join(utils, 'package.json'), '{"type": "module", "exports": "./index.js"}');
  writeFileSync(join(utils, 'index.js'), UTILS);
  let text = '';
  for await (const part of process.stdin) text += part;
  const answers = [];
  for (const { file, function: called, ctx } of JSON.parse(text)) {
    const copy = join(folder, basename(file, '.js') + '.mjs');
    copyFileSync(file, copy);
    const resolver = await import(pathToFileURL(copy));
    try {
      answers.push({ value: resolver[called](ctx) });
    } catch (problem) {
      if (!problem.told) throw problem;
      answers.push({ error: problem.told });
    }
  }
  process.stdout.write(JSON.stringify(answers));
} finally {
  rmSync(folder, { recursive: true });
}
