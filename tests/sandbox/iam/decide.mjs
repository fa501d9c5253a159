// Decisions of @cloud-copilot/iam-simulate: cases as a JSON list on stdin, one answer each as a JSON list on stdout.
// An answer: {"decision": "allow" | "deny" | "none"}, or {"error"} for a case that AWS (as it is known to the
// simulator) would not take, or of which it would ignore a condition key.
import { runSimulation } from "@cloud-copilot/iam-simulate";

const WORDS = { Allowed: "allow", ExplicitlyDenied: "deny", ImplicitlyDenied: "none" };

async function answer(entry) {
  const named = (documents) => documents.map((policy, n) => ({ name: `policy-${n}`, policy }));
  const result = await runSimulation(
    {
      request: {
        principal: entry.principal,
        action: entry.action,
        resource: { resource: entry.resource, accountId: entry.owner },
        contextVariables: entry.keys,
      },
      identityPolicies: named(entry.identity),
      permissionBoundaryPolicies: entry.boundary ? named([entry.boundary]) : undefined,
      sessionPolicy: entry.session ?? undefined,
      resourcePolicy: entry.resource_policy ?? undefined,
      serviceControlPolicies: [],
      resourceControlPolicies: [],
    },
    {},
  );
  if (result.resultType !== "single") {
    return { error: JSON.stringify(result.errors ?? result.resultType) };
  }
  if (result.result.ignoredContextKeys?.length) {
    return { error: `ignores ${result.result.ignoredContextKeys}` };
  }
  return { decision: WORDS[result.overallResult] };
}

let text = "";
for await (const chunk of process.stdin) text += chunk;
const answers = [];
for (const entry of JSON.parse(text)) answers.push(await answer(entry));
process.stdout.write(JSON.stringify(answers));
