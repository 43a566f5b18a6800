// One ability of one library, as JSON: node client.mjs LIBRARY ABILITY ADDRESS QUERIES
import pg from "pg";
import Cursor from "pg-cursor";
import postgres from "postgres";

const [library, ability, address, given] = process.argv.slice(2);
const target = JSON.parse(address);
const queries = JSON.parse(given);

const withPg = {
  async open() {
    const client = new pg.Client(target);
    await client.connect();
    return client;
  },
  close: (client) => client.end(),
  async rows(client, sql, parameters) {
    return (await client.query(sql, parameters)).rows;
  },
  async types(client) {
    const { rows, fields } = await client.query(queries.types);
    return [rows, fields.map((field) => [field.name, field.dataTypeID])];
  },
  async pages(client) {
    const cursor = client.query(new Cursor(queries.series));
    const sizes = [];
    for (let rows = await cursor.read(700); rows.length > 0; rows = await cursor.read(700)) {
      sizes.push(rows.length);
    }
    await cursor.close();
    return sizes;
  },
  async cancels(client) {
    // The library's own way: another client with this one's number and secret.
    const running = new pg.Query(queries.long);
    const ended = new Promise((resolve) => {
      running.on("error", (error) => resolve(error.code));
      running.on("end", () => resolve("it ran to its end"));
    });
    client.query(running);
    await new Promise((resolve) => setTimeout(resolve, 300));
    new pg.Client(target).cancel(client, running);
    return ended;
  },
};

const withPostgres = {
  async open() {
    const { host, port, user, database } = target;
    return postgres({ host, port, username: user, database, max: 1, onnotice: () => {} });
  },
  close: (sql) => sql.end({ timeout: 5 }),
  async rows(sql, text, parameters = []) {
    return [...(await sql.unsafe(text, parameters))];
  },
  async types(sql) {
    const rows = await sql.unsafe(queries.types, [], { prepare: true });
    return [[...rows], rows.columns.map((column) => [column.name, column.type])];
  },
  async pages(sql) {
    const sizes = [];
    await sql.unsafe(queries.series).cursor(700, (rows) => {
      sizes.push(rows.length);
    });
    return sizes;
  },
  async cancels(sql) {
    const running = sql.unsafe(queries.long);
    setTimeout(() => running.cancel(), 300);
    try {
      await running;
    } catch (error) {
      return error.code;
    }
    return "it ran to its end";
  },
};

const own = library === "pg" ? withPg : withPostgres;
const client = await own.open();
const abilities = {
  connects: () => own.rows(client, "SELECT 1::int4 + $1::int4 AS two", [1]),
  async lists() {
    return (await own.rows(client, queries.comments)).map((row) => [row.relname, row.comment]);
  },
  types: () => own.types(client),
  pages: () => own.pages(client),
  async cancels() {
    return [await own.cancels(client), await own.rows(client, "SELECT 1::int4 AS one")];
  },
  async errors() {
    const codes = [];
    for (const sql of queries.refused) {
      try {
        await own.rows(client, sql);
        codes.push("answered");
      } catch (error) {
        codes.push(error.code);
      }
    }
    return codes;
  },
};
console.log(JSON.stringify(await abilities[ability]()));
await own.close(client);
