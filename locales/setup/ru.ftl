# What `amocrm-lead-bot setup` says. Both languages have the same texts.

welcome = Семь вопросов — и первая заявка. Ctrl-C останавливает. Файлы пишутся в конце, после показа; сразу делается только то, о чём сказано на месте: сообщение в ваши чаты и, если согласитесь, поля в amoCRM.
welcome-again = Всё по порядку; Enter оставляет как есть. Файлы пишутся в конце, после показа.
wrong = Не подошло: { $what }
missing = Спросить некого: здесь не терминал или дан --yes. Не хватает параметров: { $options }
no-terminal = Нужен терминал, чтобы спрашивать, – или --yes с параметрами (все: setup --help).
language-ask = Язык / Language
line-skip = Enter — пропустить
line-keep = Enter — оставить, «-» — убрать
line-token = Похоже на токен или секрет: сюда его не вводят.
yes-or-no = д/н
yes-or-no-wrong = Ответьте «д» (да) или «н» (нет).
word-yes = да
word-no = нет
try-again = Попробовать ещё раз?
stopped = Прервано. В файлы ничего не записано.
stopped-later = Прервано. Что записано раньше, остаётся; больше ничего не записано.
env-taken = Из окружения в { $file } тоже попадут: { $names }
env-other = В { $file } стоят другие значения, чем в окружении, и они остаются в силе: { $names }

## The sections

section-bot = { $number }. Бот в Telegram
section-admin = { $number }. Администратор
section-access = { $number }. Аккаунт amoCRM и доступ к нему
section-pipeline = { $number }. Воронка и этап для новых заявок
section-fields = { $number }. Поля сделки
section-managers = { $number }. Менеджеры и их чат
section-rules = { $number }. Часы работы, звонки, согласие
section-failed = Не получилось: { $why }
section-later = Этот шаг — потом: amocrm-lead-bot setup { $name }
later-without-bot = Это — потом: сначала нужен токен бота (amocrm-lead-bot setup bot).
later-without-account = Это — потом: сначала нужны аккаунт amoCRM и доступ (amocrm-lead-bot setup access), затем amocrm-lead-bot setup { $name }.
menu-ask = Бот уже настроен. Что поменять?
menu-bot = Токен бота
menu-admin = Чат администратора
menu-access = Аккаунт amoCRM и доступ
menu-pipeline = Воронка и этап
menu-fields = Поля сделки
menu-managers = Менеджеры и их чат
menu-rules = Часы работы, звонки, согласие
menu-test = Отправить тестовую заявку
menu-all = Пройти всё по порядку
menu-end = Готово

## The bot

bot-token-ask = Токен бота (@BotFather → /mybots → ваш бот → API Token; при вводе не виден)
bot-token-again = Новый токен бота (при вводе не виден; пусто — оставить прежний)
bot-is = Бот: @{ $name }
bot-unknown = Telegram не знает такого токена ({ $why }). Скопируйте его у @BotFather ещё раз, целиком.
bot-unreachable = До Telegram не дозвониться: { $why }. Если он здесь закрыт или замедлен, нужен прокси (TELEGRAM_PROXY, --telegram-proxy).
bot-proxy-ask = Прокси для Telegram, например socks5://user:password@host:1080
bot-running = Бот с этими данными уже работает.
bot-second-poller = Сообщения этого бота забирает ещё одна программа (409 Conflict). Вдвоём они отнимают их друг у друга: остановите её или возьмите у @BotFather новый токен.
bot-second-poller-ask = Продолжить всё равно?
bot-second-poller-stays = сообщения бота забирает другая программа
webhook-crm = У бота установлен веб-хук на { $host }: похоже, он подключён в amoCRM как канал Telegram (источник). С одним токеном работает что-то одно: удалить веб-хук — значит отключить канал. Лучше завести у @BotFather второго бота.
webhook-other = У бота установлен веб-хук на { $host }: сообщения уходят туда, и этот бот их не увидит.
webhook-ask = Удалить веб-хук на { $host }? Ждущие сообщения сохранятся
webhook-stays = Пока у бота есть веб-хук на { $host }, сообщения сюда не придут. Удалить его: --delete-webhook
webhook-deleted = Веб-хук удалён, сообщения не потеряны.

## Chats

admin-ask = Куда присылать тревоги и откуда принимать команды?
managers-chat-ask = Чат менеджеров: туда придут заявки с кнопками
chat-way-learn = Напишу боту оттуда, чат определится сам
chat-way-type = Введу id чата
chat-way-none = Пока без него
chat-way-keep = Оставить как есть: { $chat }
chat-way-remove = Убрать
chat-id-ask = id чата (у группы начинается с минуса)
chat-none = { $setting } не задан; потом: amocrm-lead-bot setup { $name }
chat-removed = { $setting } будет убран.
admin-learn = Откройте { $link } и нажмите «Запустить» — или отправьте боту: /start { $code }
    Чтобы администратором была группа, добавьте в неё бота: { $grouplink } — или напишите в ней: /start@{ $name } { $code }
managers-learn = Добавьте бота в группу менеджеров: { $grouplink } — или, если он уже там, напишите в ней: /start@{ $name } { $code }
chat-waiting = жду кода… (Enter — не ждать)
chat-late = За десять минут код не пришёл.
chat-too-many = Перед кодом ждут сто сообщений покупателей, дальше не видно. Запустите бота, чтобы он на них ответил, потом остановите и повторите — или введите id.
chat-running = Бот работает и сам забирает сообщения, поэтому код сюда не дойдёт. Остановите его на минуту (sudo systemctl stop amocrm-lead-bot) или введите id.
chat-not-learnt = Чат не определился. Повторите или укажите его id: { $option } ID
chat-unsure = Не удалось написать в чат { $chat }: { $why }
chat-refuses = Чат { $chat } не принимает сообщений бота: { $why }. Откройте бота там и нажмите «Запустить».
admin-hello = Это чат администратора: сюда придут тревоги, отсюда принимаются команды. /help — что можно.
managers-hello = Это чат менеджеров: сюда придут заявки.
admin-is = Администратор: { $chat }
managers-chat-is = Чат менеджеров: { $chat }

## The account

account-ask = Адрес аккаунта: acme для https://acme.amocrm.ru, acme.kommo.com для Kommo (Enter — потом)
account-ask-again = Адрес аккаунта: acme для https://acme.amocrm.ru, acme.kommo.com для Kommo
account-later = Без аккаунта заявки собираются и копируются администратору, но в amoCRM не попадают.
account-is = Аккаунт: { $name } (id { $id }), доступ есть
access-notes = Хорошо знать заранее:
    – интеграция, созданная в самом аккаунте (частная), лишает обычный аккаунт поддержки amoCRM; технический – нет;
    – веб-хуки amoCRM есть с тарифа «Расширенный», но боту они не нужны: об этапах сделок он спрашивает сам.
account-other = Внимание: токен открывает аккаунт «{ $is }», а назван «{ $named }». Проверьте, тот ли это аккаунт.
access-ask = Как бот входит в amoCRM?
access-way-token = Долгосрочный токен: одна строка, проще всего
access-way-integration = Интеграция с кодом авторизации: токены обновляются сами
access-way-later = Потом
access-later = Доступ можно дать позже: amocrm-lead-bot setup access
access-again-ask = Что дальше?
access-again-token = Ввести токен ещё раз
access-again = Попробовать ещё раз
access-again-account = Другой адрес аккаунта
access-again-way = Другой способ входа
access-token-empty = ничего не введено
access-token-where = amoМаркет → ⋯ → «Создать интеграцию» → «Внешняя интеграция» (или ваша, если она уже есть) → «Ключи и доступы» → «Сгенерировать долгосрочный токен».
access-token-ask = Долгосрочный токен (при вводе не виден)
integration-where = amoМаркет → ⋯ → «Создать интеграцию» → «Внешняя интеграция» (или ваша, если она уже есть) → «Ключи и доступы».
integration-id-ask = ID интеграции
integration-secret-ask = Секретный ключ (при вводе не виден; пусто — прежний)
integration-redirect-ask = Ссылка для перенаправления, буква в букву как в amoCRM
code-where = Откройте адрес, разрешите доступ и скопируйте адрес страницы, на которую попадёте (ей можно не открыться). Код действует 20 минут и один раз.
code-ask = Адрес с кодом или код (при вводе не виден)
pipeline-ask = Воронка для новых заявок
stage-ask = Этап, с которого они начинаются
pipeline-is = Новые заявки: { $pipeline } → { $stage }
pipeline-gone = Воронки { $id } в аккаунте больше нет.
pipeline-unknown = такой воронки в аккаунте нет
stage-unknown = такого открытого этапа в воронке нет («Неразобранное», 142 и 143 не подходят)
duplicates-note = Если в воронке «{ $pipeline }» включён контроль дублей, amoCRM сам склеит вторую заявку того же человека с первой; бот это понимает, но карточка будет одна. API этого не показывает: посмотрите в настройках воронки.

## Fields

fields-ask = Создать поля сделки: { $names }?
field-there = Поле «{ $name }» уже есть (id { $id })
field-made = Поле «{ $name }» создано (id { $id })
field-by-hand = Поле можно создать руками: Сделки → Настройки → Поля, название «{ $name }», тип { $kind }, код { $code }
field-forbidden = Создать поле «{ $name }» нельзя: у пользователя нет прав администратора. Создайте руками: тип { $kind }, код { $code } — и запустите «setup fields» ещё раз. Без поля ответ остаётся в примечании.
field-refused = amoCRM не создаёт поле «{ $name }»: { $why }
field-gone = Вопрос { $question } в dealer.toml называет поле { $id }, которого в аккаунте нет: ответ остаётся в примечании.

## The dealer's rules

managers-are = Менеджеры: { $names }
managers-ask = Назвать менеджеров? Бот узнает, кто нажал кнопку, и сможет распределять заявки между ними
managers-change-ask = Изменить список менеджеров?
managers-choose = Кто звонит покупателям? (пробел отмечает и снимает отметку, Enter — дальше)
managers-none = Никто не отмечен. Если так и нужно, нажмите Enter ещё раз; отмечает пробел.
managers-by-id = Список пользователей amoCRM не показывает (так у внешних интеграций), поэтому менеджеры вводятся по id. Он стоит в адресе карточки пользователя: Настройки → Пользователи.
managers-no-account = Аккаунта amoCRM пока нет, выбрать из его пользователей нельзя: менеджеров можно ввести сейчас или позже (amocrm-lead-bot setup managers).
manager-name-ask = Имя менеджера
manager-crm-ask = { $name }: id в amoCRM
manager-telegram-ask = { $name }: id в Telegram (по нему бот узнаёт, кто нажал кнопку)
manager-way-learn = Менеджер откроет ссылку, id определится сам
manager-way-type = Введу id
manager-way-none = Пока без него
manager-telegram-id-ask = { $name }: id в Telegram, число; его показывает, например, @userinfobot
manager-learn = Перешлите менеджеру ссылку { $link } — пусть откроет и нажмёт «Запустить»; или пусть напишет боту: /start { $code }
manager-learnt = Telegram: { $name } (id { $id })
manager-no-user = { $name } (нет среди пользователей amoCRM)
manager-removed = Больше не менеджер: { $name }
manager-no-id = Нужен хотя бы один из двух id.
manager-added = Менеджер: { $name }
responsible-ask = Кто отвечает за новые заявки?
responsible-way-amocrm = Кого поставит amoCRM (обычно владелец интеграции)
responsible-way-in-turn = Менеджеры по очереди: те, кто сейчас работает
responsible-way-take = Тот, кто первым нажмёт «Беру» в чате менеджеров
responsible-way-always = Всегда: { $name }
no-id = id — целое число больше нуля.
no-id-but-a-name = По @имени Telegram не говорит боту, кто это: нужен id, число. Его покажет @userinfobot, или пусть человек сам напишет боту (первый вариант).
hours-ask = Часы работы
hours-usual = пн-пт 09:00-19:00; сб 10:00-16:00
hours-way-usual = { $usual }
hours-way-own = Свои
hours-way-always = Всегда
hours-way-keep = Оставить как есть: { $hours }
hours-own-ask = Часы, например «пн-пт 09:00-19:00; сб 10:00-16:00»
hours-wrong = Это не часы: { $part }. Например: пн-пт 09:00-19:00; сб 10:00-16:00 — или «всегда»
zone-ask = Часовой пояс
zone-other = Другой
zone-own-ask = Часовой пояс: город, UTC+5 или имя вроде Asia/Tbilisi
zone-wrong = Такого часового пояса нет: { $zone }. Например: Москва, Екатеринбург, UTC+5, Asia/Tbilisi
callback-ask = За сколько перезвонить: задача в amoCRM, например «15 минут» или «2 часа» («нет» — без задачи)
callback-wrong = Это не время: { $time }. Например: 15 минут, 2 часа, 1 день — или «нет»
consent-about = Согласие на обработку персональных данных (152-ФЗ; с сентября 2025 года по 156-ФЗ это отдельный документ, не часть политики): покупатель видит его до первого вопроса.
consent-ask = Файл с согласием (.md, .txt, .pdf) или https-адрес
consent-version-ask = Версия документа (новая спросит всех заново)
consent-removed = Согласие больше не спрашивается.
page-waiting = открываю страницу…
page-does-not-open = { $address } сейчас не открывается: { $why }
page-anyway = Взять этот адрес всё равно?
consent-exists = { $file } уже есть и это другой файл: переименуйте свой
policy-ask = Адрес политики конфиденциальности, https
policy-removed = Политика больше не показывается.
dealer-odd = { $file }: «{ $key }» там записано не таблицей; поправьте руками

## Writing

write-nothing = Записывать нечего: всё уже так.
write-env = Будет записано в { $file }:
write-dealer = И в { $file }:
write-document = { $from } будет скопирован в { $file }
write-removed = убрать
write-ask = Записать?
write-yes = Записать
write-change = Изменить что-то
write-no = Не записывать
write-failed = Записать не получилось: { $why }
change-ask = Что изменить?
change-none = Ничего, назад
write-not = Ничего не записано.
write-done = Записано: { $file }

## The test

trial-ask = Отправить тестовую заявку?
trial-waiting = отправляю тестовую заявку…
trial-no-account = Тестовую заявку отправить некуда: нет аккаунта amoCRM или доступа.
trial-failed = Тестовая заявка не дошла: { $why }
trial-sent = Тестовая заявка #{ $number } в amoCRM: { $link }
trial-name = ПРОВЕРКА БОТА, можно удалить
trial-closed = Она закрыта («не реализовано») и названа проверкой. Удалять сделки API amoCRM не умеет: удалите её там вместе с контактом.
trial-open = Закрыть её не удалось ({ $why }): удалите её в amoCRM сами, { $link }
all-set-admin = Всё настроено. Тестовая заявка #{ $number } дошла до amoCRM: { $link } (её можно удалить). /help — что я умею.

## What is next

next-start = Дальше: запустите бота — amocrm-lead-bot run
next-start-package = Бот не запущен. Запустите: systemctl enable --now amocrm-lead-bot
next-restart = Бот работает со старыми настройками: перезапустите его.
next-restart-package = Бот работает со старыми настройками: systemctl restart amocrm-lead-bot
next-runs = Бот работает с этими настройками. Как у него дела: { $name } status
next-failed = Записано, но служба не запустилась. Почему: journalctl -u amocrm-lead-bot -n 50

## Why something did not work

crm-unauthorized = amoCRM не принимает этот токен: он скопирован не целиком, отозван, истёк или от другого аккаунта.
crm-throttled = amoCRM просит подождать (429). Попробуйте через минуту.
crm-unpaid = аккаунт amoCRM не оплачен (402).
crm-forbidden = amoCRM запрещает это (403): у пользователя нет прав. { $why }
crm-blocked = amoCRM блокирует адрес этого сервера или аккаунт (403). Помогает поддержка amoCRM.
crm-wrong-address = по этому адресу нет такого аккаунта amoCRM. { $why }
crm-unavailable = до amoCRM не дозвониться. { $why }
net-late = не ответил вовремя
net-none = нет соединения
net-broke = соединение оборвалось
net-strange = ответил не Telegram
