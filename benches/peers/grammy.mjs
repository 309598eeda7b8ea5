// The same four questions as a bot of the field would ask them, to be measured by the same generator on the same
// machine: grammY with its runner, sessions and requests in SQLite, each turn committed to the disk before its answer.
//
//   mkdir /tmp/peer && (cd /tmp/peer && npm install grammy@1.46 @grammyjs/runner@2.0 better-sqlite3@12)
//   PEER_PACKAGES=/tmp/peer cargo bench -- crowd pace --sqlite --peer "node benches/peers/grammy.mjs"
//
// It has less to do than a real one: it checks little, sends no lead anywhere, answers with one message where ours may send
// two, and its runner tells Telegram that updates are done before they are.

import { createRequire } from "node:module";
import path from "node:path";

const require = createRequire(path.join(process.env.PEER_PACKAGES, "package.json"));
const { Bot } = require("grammy");
const { run, sequentialize } = require("@grammyjs/runner");
const Database = require("better-sqlite3");

const database = new Database(path.join(process.env.DATA_DIR, "peer.db"));
database.pragma("journal_mode = WAL");
database.pragma("synchronous = FULL");
database.exec("CREATE TABLE IF NOT EXISTS sessions (chat TEXT PRIMARY KEY, value TEXT NOT NULL)");
database.exec("CREATE TABLE IF NOT EXISTS requests (id INTEGER PRIMARY KEY, chat TEXT NOT NULL, value TEXT NOT NULL)");
const read = database.prepare("SELECT value FROM sessions WHERE chat = ?");
const write = database.prepare("INSERT INTO sessions VALUES (?, ?) ON CONFLICT (chat) DO UPDATE SET value = excluded.value");
const remove = database.prepare("DELETE FROM sessions WHERE chat = ?");
const insert = database.prepare("INSERT INTO requests (chat, value) VALUES (?, ?)");

const QUESTIONS = [
    ["name", "Как вас зовут?", (text) => text.trim().length > 1],
    ["phone", "Напишите номер телефона", (text) => text.replace(/\D/g, "").length >= 10],
    ["budget", "Какой бюджет?", (text) => /\d/.test(text)],
    ["link", "Пришлите ссылку на машину", (text) => URL.canParse(text)],
];

const bot = new Bot(process.env.BOT_TOKEN, { client: { apiRoot: process.env.TELEGRAM_API_URL } });
const key = (ctx) => ctx.chat?.id.toString();
bot.use(sequentialize(key));
// What a turn changes, in one transaction with the request that it makes. grammY's own sessions would be written after the
// answer.
const turn = database.transaction((chat, form, sent) => {
    if (sent) insert.run(chat, JSON.stringify(form));
    form && !sent ? write.run(chat, JSON.stringify(form)) : remove.run(chat);
});
const formOf = (ctx) => {
    const row = read.get(key(ctx));
    return row && JSON.parse(row.value);
};

bot.command("start", async (ctx) => {
    turn(key(ctx), { step: 0 }, false);
    await ctx.reply(QUESTIONS[0][1]);
});
bot.on("message:text", async (ctx) => {
    const form = formOf(ctx);
    const question = form && QUESTIONS[form.step];
    if (!question) return ctx.reply("Нажмите /start");
    const [name, ask, fits] = question;
    if (!fits(ctx.message.text)) return ctx.reply(ask);
    form[name] = ctx.message.text;
    form.step += 1;
    turn(key(ctx), form, false);
    const next = QUESTIONS[form.step];
    const card = () => `Проверьте заявку\n${form.name}\n${form.phone}\n${form.budget}\n${form.link}`;
    await ctx.reply(next ? next[1] : card(), {
        reply_markup: { inline_keyboard: [[{ text: next ? "Отменить" : "Отправить", callback_data: next ? "cancel" : "submit" }]] },
    });
});
bot.callbackQuery("submit", async (ctx) => {
    const form = formOf(ctx);
    if (!form || form.step < QUESTIONS.length) return ctx.answerCallbackQuery();
    turn(key(ctx), form, true);
    await ctx.reply("Заявка принята");
    await ctx.answerCallbackQuery();
});
bot.catch((failed) => console.error(failed.message));

run(bot);
