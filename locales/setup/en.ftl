# What `amocrm-lead-bot setup` says. Both languages have the same texts.

welcome = Seven questions to the first lead. Ctrl-C stops; nothing is written before the end.
wrong = That did not do: { $what }
missing = Nobody can be asked: this is no terminal, or --yes was given. Missing options: { $options }

## The sections

section-bot = { $number }. The bot in Telegram
section-admin = { $number }. The admin
section-access = { $number }. The account in amoCRM, and access to it
section-pipeline = { $number }. Pipeline and stage of new leads
section-fields = { $number }. Fields of leads
section-managers = { $number }. Managers and their chat
section-rules = { $number }. Working hours, calls back, consent
section-later = This step did not work: { $why }. Later: amocrm-lead-bot setup { $name }
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
bot-proxy-ask = A proxy for Telegram, such as socks5://user:password@host:1080 (empty: try again without)
bot-running = The bot runs on this data already.
bot-second-poller = Another program takes this bot's messages (409 Conflict). Two of them take them from each other: stop it, or get a new token from @BotFather.
bot-second-poller-ask = Go on all the same?
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
chat-id-ask = The chat's id (a group's begins with a minus)
chat-none = { $setting } is not set; later: amocrm-lead-bot setup
admin-learn = Open { $link } and press Start, or send the bot: /start { $code }
    For a group as the admin add the bot to it: { $grouplink } - or write there: /start@{ $name } { $code }
managers-learn = Add the bot to the managers' group: { $grouplink } - or, if it is there already, write there: /start@{ $name } { $code }
chat-waiting = waiting for the code…
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

account-ask = The account: acme for https://acme.amocrm.ru, acme.kommo.com for Kommo (empty: later)
account-later = Without an account requests are collected and copied to the admin, and do not reach amoCRM.
account-is = Account: { $name } (id { $id }), access works
access-ask = How does the bot get into amoCRM?
access-way-token = A long-lived token: one line, the simplest
access-way-integration = An integration with an authorization code: tokens renew themselves
access-way-later = Later
access-later = Access can be given later: amocrm-lead-bot setup access
access-again = Try again?
access-token-where = amoМаркет → ⋯ → your integration → «Ключи и доступы» (Keys and scopes) → generate a long-lived token.
access-token-ask = The long-lived token (it is not shown)
access-notes = Good to know: a private integration in an ordinary (not technical) account costs that account amoCRM's support; webhooks need the tariff Advanced or higher, without them the bot asks for stages itself; an external integration cannot list users, so managers' ids are typed.
integration-where = amoМаркет → ⋯ → your integration → «Ключи и доступы» (Keys and scopes).
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
managers-ask = Name the managers? With them the bot gives leads out and knows who has pressed a button
managers-choose = Who calls buyers? (space marks, Enter goes on)
managers-by-id = amoCRM does not list its users (so with external integrations). An id stands in the address of the user's card: Settings → Users.
manager-name-ask = A manager's name (empty: no more)
manager-crm-ask = { $name }: id in amoCRM (empty: not known)
manager-telegram-ask = { $name }: id in Telegram (empty: not known)
manager-no-id = At least one of the two ids is needed.
manager-added = Manager: { $name }
responsible-ask = Who is responsible for new leads?
responsible-way-amocrm = Whoever amoCRM names (usually the integration's owner)
responsible-way-in-turn = The managers in turn: those who are on duty
responsible-way-take = Whoever presses "Беру" (I take it) first in the managers' chat
responsible-way-always = Always: { $name }
no-id = An id is a whole number above zero.
hours-ask = Working hours
hours-way-usual = { $usual }
hours-way-own = Others
hours-way-always = Always
hours-way-keep = Leave them as they are
hours-own-ask = Hours, such as "mon-fri 09:00-19:00; sat 10:00-16:00"
hours-wrong = These are no hours: { $part }. Such as: mon-fri 09:00-19:00; sat 10:00-16:00 - or "always"
zone-ask = Time zone
callback-ask = How soon to call back: a task in amoCRM, such as 15m or 2h (off: no task)
consent-about = Consent to the processing of personal data (152-FZ, 156-FZ): a document of its own, shown before the first question.
consent-ask = The file with the consent (.md, .txt, .pdf), or its https address (empty: none)
consent-version-ask = The document's version
consent-exists = { $file } is there already and is another file: rename yours
policy-ask = The privacy policy's address, https (empty: none)
dealer-odd = { $file }: "{ $key }" is not a table there; correct it by hand

## Writing

write-nothing = Nothing to write: all is so already.
write-env = This will be written to { $file }:
write-dealer = And to { $file }:
write-document = { $from } will be copied to { $file }
write-removed = taken away
write-ask = Write it?
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
next-start-package = Next: sudo systemctl enable --now amocrm-lead-bot
next-restart = The bot runs with the settings before: restart it.
next-restart-package = The bot runs with the settings before: sudo systemctl restart amocrm-lead-bot
