// Connects to a cluster with ioredis, writes keys of many slots, then does what it is told by lines
// on its standard input: `check` reads all keys again, `write N` writes them with another value.
"use strict";
const Redis = require("ioredis");

const ports = process.argv.slice(2).map(Number);
const cluster = new Redis.Cluster(
  ports.map((port) => ({ host: "127.0.0.1", port })),
  { slotsRefreshInterval: 300, clusterRetryStrategy: (times) => Math.min(times * 50, 500), redisOptions: { maxRetriesPerRequest: 20 } },
);
cluster.on("error", () => {});
const KEYS = 200;
let value = "0";

async function write(next) {
  value = next;
  await Promise.all(Array.from({ length: KEYS }, (_, n) => cluster.set(`key:${n}`, `${value}:${n}`)));
  return `wrote ${KEYS} to ${cluster.nodes("master").length} nodes`;
}

async function check() {
  let right = 0;
  for (let n = 0; n < KEYS; n += 1) {
    if ((await cluster.get(`key:${n}`)) === `${value}:${n}`) right += 1;
  }
  return `right ${right} of ${KEYS}, ${cluster.nodes("master").length} nodes`;
}

async function main() {
  console.log(await write("0"));
  const lines = require("readline").createInterface({ input: process.stdin });
  for await (const line of lines) {
    const [word, argument] = line.split(" ");
    try {
      console.log(word === "write" ? await write(argument) : await check());
    } catch (failure) {
      console.log(`failed: ${failure.message}`);
    }
  }
  cluster.disconnect();
}

main().catch((failure) => {
  console.log(`failed: ${failure.message}`);
  process.exit(1);
});
