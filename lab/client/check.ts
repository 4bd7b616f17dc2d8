// A program of somebody else: it knows PortVigil's API by a client that was
// generated from docs/openapi.json, and by nothing besides. It starts a server,
// opens a door, has its host looked at, and lists and resolves the alert.
//
//	make check-client

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "./made/client/client";
import { getAlert, listAlerts, listHosts, listUsers, lookAtHost, removeHost, resolveAlert } from "./made/client/sdk.gen";
import type { Alert } from "./made/client/types.gen";

const portvigil = process.env.PORTVIGIL ?? "../../bin/portvigil";
const data = mkdtempSync(join(tmpdir(), "portvigil-client-"));

// listen opens a port of this machine: on loopback one that is free, or
// on every address one below the ephemeral ports, which PortVigil would wait for.
async function listen(host: string, ports: number[]): Promise<[Server, number]> {
  for (const port of ports) {
    const server = createServer().listen(port, host);
    const opened = await Promise.race([once(server, "listening").then(() => true), once(server, "error").then(() => false)]);
    const address = server.address();
    if (opened && address !== null && typeof address === "object") return [server, address.port];
  }
  throw new Error(`no free port among ${ports}`);
}

function run(...args: string[]): string {
  return execFileSync(portvigil, ["--data", data, ...args], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

// open returns the alerts that are open, by what the client's types say they are.
async function open(client: ReturnType<typeof createClient>): Promise<Alert[]> {
  return (await listAlerts({ client, query: { open: true }, throwOnError: true })).data;
}

async function main(): Promise<void> {
  const [door, doorPort] = await listen("0.0.0.0", [17101, 17102, 17103, 17104]);
  const [page, pagePort] = await listen("127.0.0.1", [0]);
  page.close();
  await once(page, "close");
  const server = spawn(portvigil, ["--data", data, "serve", "--listen", `127.0.0.1:${pagePort}`], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(server, "exit");
  try {
    await Promise.race([once(server.stdout, "data"), ended.then(() => Promise.reject(new Error("the server ended")))]); // it has greeted
    const made = JSON.parse(run("tokens", "add", "desk", "--scope", "write", "--json"));
    const client = createClient({ baseUrl: `http://127.0.0.1:${pagePort}`, auth: () => made.token });

    const hosts = (await listHosts({ client, throwOnError: true })).data;
    const own = hosts.find((h) => h.host.local);
    assert.ok(own, "the server watches its own machine");
    const events = (await lookAtHost({ client, path: { name: own.host.name }, body: { view: "inside" }, parseAs: "text", throwOnError: true })).data;
    const last = JSON.parse(events.trim().split("\n").at(-1) ?? "");
    assert.equal(last.done?.error, undefined, events);

    const alert = (await open(client)).find((a) => a.endpoints?.some((e) => e.port === doorPort));
    assert.ok(alert, `an alert is about ${doorPort}/tcp`);
    const resolved = (await resolveAlert({ client, path: { id: alert.id }, body: { kind: "expected", why: "the check's own door", owner: "desk" }, throwOnError: true })).data;
    assert.equal(resolved.state, "resolved");
    assert.equal(resolved.resolution?.by, "token desk");
    assert.ok(!(await open(client)).some((a) => a.id === alert.id), "it is open no more");
    const story = (await getAlert({ client, path: { id: alert.id }, throwOnError: true })).data.story;
    assert.ok(story?.some((s) => s.by === "token desk"), "its story says who did it");
    assert.equal(JSON.parse(run("alerts", "show", alert.id, "--json").split("\n")[0]).state, "resolved");

    const missing = await removeHost({ client, path: { name: "nobody" } });
    assert.equal(missing.response?.status, 404);
    assert.equal(missing.error?.code, "not-found");
    const forbidden = await listUsers({ client });
    assert.equal(forbidden.response?.status, 403);
    assert.equal(forbidden.error?.code, "forbidden");
    console.log(`client: listed and resolved ${alert.kind} of ${alert.host}`);
  } finally {
    server.kill();
    await ended;
    door.close();
    rmSync(data, { recursive: true, force: true });
  }
}

main().catch((err: unknown) => {
  console.error(err);
  process.exit(1);
});
