# What `amocrm-lead-bot setup` says. Both languages have the same texts.

welcome = Seven questions to the first lead. Ctrl-C stops. The files are written at the end, after you have seen what; at once comes only what is said on the spot: a word to your chats, and fields in amoCRM if you agree.
welcome-again = Everything in order; Enter leaves it as it is. The files are written at the end, after you have seen what.
wrong = That did not do: { $what }
missing = Nobody can be asked: this is no terminal, or --yes was given. Missing options: { $options }
no-terminal = A terminal is needed to ask at, or --yes with options (setup --help has them all).
language-ask = Язык / Language
line-skip = Enter skips
line-keep = Enter keeps it, "-" takes it away
line-token = This looks like a token or a secret, which does not belong here.
yes-or-no = y/n
yes-or-no-wrong = Answer y (yes) or n (no).
word-yes = yes
word-no = no
try-again = Try again?
stopped = Stopped. Nothing was written to the files.
stopped-later = Stopped. What was written before stays; nothing else was written.
env-taken = From the environment these go into { $file }, too: { $names }
env-other = { $file } has other values than the environment, and they stay in force: { $names }

## The sections

section-bot = { $number }. The bot in Telegram
section-admin = { $number }. The admin
section-access = { $number }. The account in amoCRM, and access to it
section-pipeline = { $number }. Pipeline and stage of new leads
section-fields = { $number }. Fields of leads
section-managers = { $number }. Managers and their chat
section-rules = { $number }. Working hours, calls back, consent
section-failed = That did not work: { $why }
section-later = This step comes later: amocrm-lead-bot setup { $name }
later-without-bot = This comes later: the bot's token is needed first (amocrm-lead-bot setup bot).
later-without-account = This comes later: the account in amoCRM and access come first (amocrm-lead-bot setup access), then amocrm-lead-bot setup { $name }.
menu-ask = The bot is set up. What is to be changed?
menu-bot = The bot's token
menu-admin = The admin's chat
menu-access = The account in amoCRM and access
menu-pipeline = Pipeline and stage
menu-fields = Fields of leads
menu-managers = Managers and their chat
menu-rules = Working hours, calls back, consent
menu-test = Send a test lead
menu-all = Go through everything
menu-end = Done

## The bot

bot-token-ask = The bot's token (@BotFather → /mybots → your bot → API Token; it is not shown)
bot-token-again = A new token of the bot (it is not shown; empty keeps the one that is there)
bot-is = Bot: @{ $name }
bot-unknown = Telegram does not know this token ({ $why }). Copy it from @BotFather once more, whole.
bot-unreachable = Telegram cannot be reached: { $why }. Where it is blocked or throttled a proxy is needed (TELEGRAM_PROXY, --telegram-proxy).
bot-proxy-ask = A proxy for Telegram, such as socks5://user:password@host:1080
bot-running = The bot runs on this data already.
bot-second-poller = Another program takes this bot's messages (409 Conflict). Two of them take them from each other: stop it, or get a new token from @BotFather.
bot-second-poller-ask = Go on all the same?
bot-second-poller-stays = another program takes the bot's messages
webhook-crm = The bot has a webhook to { $host }: it seems to be a Telegram channel (source) in amoCRM. One token serves one of the two: deleting the webhook disconnects the channel. Better make a second bot with @BotFather.
webhook-other = The bot has a webhook to { $host }: messages go there, and this bot would not see them.
webhook-ask = Delete the webhook to { $host }? Messages that wait are kept
webhook-stays = As long as the bot has a webhook to { $host }, no message comes here. To delete it: --delete-webhook
webhook-deleted = The webhook is deleted, no message is lost.

## Chats

admin-ask = Where do alerts go, and where do commands come from?
managers-chat-ask = The managers' chat, where leads come with buttons
chat-way-learn = I write to the bot from there, and it learns the chat
chat-way-type = I type the chat's id
chat-way-none = None for now
chat-way-keep = Leave it as it is: { $chat }
chat-way-remove = Take it away
chat-id-ask = The chat's id (a group's begins with a minus)
chat-none = { $setting } is not set; later: amocrm-lead-bot setup { $name }
chat-removed = { $setting } will be taken away.
admin-learn = Open { $link } and press Start, or send the bot: /start { $code }
    For a group as the admin add the bot to it: { $grouplink } - or write there: /start@{ $name } { $code }
managers-learn = Add the bot to the managers' group: { $grouplink } - or, if it is there already, write there: /start@{ $name } { $code }
chat-waiting = waiting for the code… (Enter: wait no more)
chat-late = The code has not come within ten minutes.
chat-too-many = A hundred messages of buyers wait before the code, and nothing behind them can be seen. Run the bot so that it answers them, stop it and try again, or type the id.
chat-running = The bot runs and takes its messages itself, so the code would not come here. Stop it for a minute (sudo systemctl stop amocrm-lead-bot), or type the id.
chat-not-learnt = The chat was not learnt. Try again, or give its id: { $option } ID
chat-unsure = Nothing could be written to chat { $chat }: { $why }
chat-refuses = Chat { $chat } takes no messages of the bot: { $why }. Open the bot there and press Start.
admin-hello = This is the admin's chat: alerts come here, and commands are taken from here. /help tells which.
managers-hello = This is the managers' chat: leads come here.
admin-is = Admin: { $chat }
managers-chat-is = Managers' chat: { $chat }

## The account

account-ask = The account: acme for https://acme.amocrm.ru, acme.kommo.com for Kommo (Enter: later)
account-ask-again = The account: acme for https://acme.amocrm.ru, acme.kommo.com for Kommo
account-later = Without an account requests are collected and copied to the admin, and do not reach amoCRM.
account-is = Account: { $name } (id { $id }), access works
access-notes = Good to know beforehand:
    – an integration made in the account itself (a private one) costs an ordinary account amoCRM's support; a technical one not;
    – webhooks come with the tariff Advanced or higher, but the bot does not need them: it asks for stages itself.
account-other = Mind: the token opens the account "{ $is }", and "{ $named }" was named. Check that it is the right one.
access-ask = How does the bot get into amoCRM?
access-way-token = A long-lived token: one line, the simplest
access-way-integration = An integration with an authorization code: tokens renew themselves
access-way-later = Later
access-later = Access can be given later: amocrm-lead-bot setup access
access-again-ask = What now?
access-again-token = Type the token again
access-again = Try again
access-again-account = Another account
access-again-way = Another way in
access-token-empty = nothing was typed
access-token-where = amoМаркет → ⋯ → «Создать интеграцию» (create an integration) → «Внешняя интеграция» (or yours, if there is one) → «Ключи и доступы» (Keys and scopes) → generate a long-lived token.
access-token-ask = The long-lived token (it is not shown)
integration-where = amoМаркет → ⋯ → «Создать интеграцию» (create an integration) → «Внешняя интеграция» (or yours, if there is one) → «Ключи и доступы» (Keys and scopes).
integration-id-ask = The integration's id
integration-secret-ask = The secret key (it is not shown; empty keeps the one that is there)
integration-redirect-ask = The redirect address, letter for letter as in amoCRM
code-where = Open the address, allow access, and copy the address of the page you are sent to (it need not load). The code works for 20 minutes and once.
code-ask = The address with the code, or the code (it is not shown)
pipeline-ask = The pipeline of new leads
stage-ask = The stage they begin in
pipeline-is = New leads: { $pipeline } → { $stage }
pipeline-gone = The account has no pipeline { $id } any more.
pipeline-unknown = the account has no such pipeline
stage-unknown = the pipeline has no such open stage (the unsorted one, 142 and 143 will not do)
duplicates-note = If duplicates control is on in "{ $pipeline }", amoCRM joins a person's second request with the first; the bot understands that, but there is one card. The API does not tell: look at the pipeline's settings.

## Fields

fields-ask = Make these fields of leads: { $names }?
field-there = Field "{ $name }" is there (id { $id })
field-made = Field "{ $name }" is made (id { $id })
field-by-hand = The field can be made by hand: Leads → Settings → Fields, name "{ $name }", type { $kind }, code { $code }
field-forbidden = Field "{ $name }" cannot be made: the user is no administrator. Make it by hand, type { $kind }, code { $code }, and run "setup fields" again. Without it the answer stays in the note.
field-refused = amoCRM does not make field "{ $name }": { $why }
field-gone = Question { $question } of dealer.toml names field { $id }, which the account does not have: the answer stays in the note.

## The dealer's rules

managers-are = Managers: { $names }
managers-ask = Name the managers? The bot then knows who has pressed a button, and can share leads out among them
managers-change-ask = Change the list of managers?
managers-choose = Who calls buyers? (space marks and unmarks, Enter goes on)
managers-none = Nobody is marked. If that is meant, press Enter once more; space marks.
managers-by-id = amoCRM does not list its users (so with external integrations), so managers are typed by their ids. An id stands in the address of the user's card: Settings → Users.
managers-no-account = There is no account in amoCRM yet whose users could be chosen: managers can be typed now or later (amocrm-lead-bot setup managers).
manager-name-ask = A manager's name
manager-crm-ask = { $name }: id in amoCRM
manager-telegram-ask = { $name }: id in Telegram (by it the bot knows who has pressed a button)
manager-way-learn = The manager opens a link, and the bot learns it
manager-way-type = I type the id
manager-way-none = None for now
manager-telegram-id-ask = { $name }: id in Telegram, a number; @userinfobot, for one, shows it
manager-learn = Send the manager the link { $link } to open and press Start; or let them write to the bot: /start { $code }
manager-learnt = Telegram: { $name } (id { $id })
manager-no-user = { $name } (no user of amoCRM)
manager-removed = No manager any more: { $name }
manager-no-id = At least one of the two ids is needed.
manager-added = Manager: { $name }
responsible-ask = Who is responsible for new leads?
responsible-way-amocrm = Whoever amoCRM names (usually the integration's owner)
responsible-way-in-turn = The managers in turn: those who are on duty
responsible-way-take = Whoever presses "Беру" (I take it) first in the managers' chat
responsible-way-always = Always: { $name }
no-id = An id is a whole number above zero.
no-id-but-a-name = Telegram does not tell a bot who an @name is: the id is needed, a number. @userinfobot shows it, or let the person write to the bot (the first way).
hours-ask = Working hours
hours-usual = mon-fri 09:00-19:00; sat 10:00-16:00
hours-way-usual = { $usual }
hours-way-own = Others
hours-way-always = Always
hours-way-keep = Leave them as they are: { $hours }
hours-own-ask = Hours, such as "mon-fri 09:00-19:00; sat 10:00-16:00"
hours-wrong = These are no hours: { $part }. Such as: mon-fri 09:00-19:00; sat 10:00-16:00 - or "always"
zone-ask = Time zone
zone-other = Another
zone-own-ask = Time zone: UTC+5, or a name such as Asia/Tbilisi
zone-wrong = There is no such time zone: { $zone }. Such as: Moscow, UTC+5, Asia/Tbilisi
callback-ask = How soon to call back: a task in amoCRM, such as 15m or 2h (no: no task)
callback-wrong = This is no time: { $time }. Such as: 15 min, 2 hours, 1 day - or "no"
consent-about = Consent to the processing of personal data (152-FZ; since September 2025, by 156-FZ, a document apart from the policy): shown before the first question.
consent-ask = The file with the consent (.md, .txt, .pdf), or its https address
consent-version-ask = The document's version (a new one asks everybody again)
consent-removed = Consent is asked no more.
page-waiting = opening the page…
page-does-not-open = { $address } does not open now: { $why }
page-anyway = Take this address all the same?
consent-exists = { $file } is there already and is another file: rename yours
policy-ask = The privacy policy's address, https
policy-removed = The policy is shown no more.
dealer-odd = { $file }: "{ $key }" is not a table there; correct it by hand

## Writing

write-nothing = Nothing to write: all is so already.
write-env = This will be written to { $file }:
write-dealer = And to { $file }:
write-document = { $from } will be copied to { $file }
write-removed = taken away
write-ask = Write it?
write-yes = Write it
write-change = Change something
write-no = Do not write it
write-failed = It could not be written: { $why }
change-ask = What is to be changed?
change-none = Nothing, back
write-not = Nothing was written.
write-done = Written: { $file }

## The test

trial-ask = Send a test lead?
trial-waiting = sending a test lead…
trial-no-account = There is nowhere to send a test lead: no account in amoCRM, or no access.
trial-failed = The test lead did not get through: { $why }
trial-sent = Test lead #{ $number } is in amoCRM: { $link }
trial-name = TEST OF THE BOT, may be deleted
trial-closed = It is closed (lost) and named a test. amoCRM's API cannot delete leads: delete it there, with its contact.
trial-open = It could not be closed ({ $why }): delete it in amoCRM yourself, { $link }
all-set-admin = All is set. Test lead #{ $number } has reached amoCRM: { $link } (it may be deleted). /help tells what I can do.

## What is next

next-start = Next: run the bot with amocrm-lead-bot run
next-start-package = The bot does not run. Start it: systemctl enable --now amocrm-lead-bot
next-restart = The bot runs with the settings before: restart it.
next-restart-package = The bot runs with the settings before: systemctl restart amocrm-lead-bot
next-runs = The bot runs with these settings. How it does: { $name } status
next-failed = Written, but the service did not start. Why: journalctl -u amocrm-lead-bot -n 50

## Why something did not work

crm-unauthorized = amoCRM does not take this token: it was not copied whole, was revoked, has ended, or is another account's.
crm-throttled = amoCRM asks for a pause (429). Try again in a minute.
crm-unpaid = the amoCRM account is not paid for (402).
crm-forbidden = amoCRM forbids it (403): the user lacks a right. { $why }
crm-blocked = amoCRM blocks this server's address or the account (403). amoCRM's support helps.
crm-wrong-address = there is no such account of amoCRM at this address. { $why }
crm-unavailable = amoCRM cannot be reached. { $why }
net-late = no answer in time
net-none = no connection
net-broke = the connection broke
net-strange = an answer that is not Telegram's
