# Bot oʻzbekcha gapirganda aytadigan gaplar: xaridor koʻradiganlarning hammasi. Administrator oʻqiydigan matnlar birinchi
# tildan olinadi.

## Xaridor: anketa

welcome =
    Assalomu alaykum! Avtomobil uchun ariza qoldirishga yordam beraman: { $count ->
        [one] bitta qisqa savol
       *[other] { $count } ta qisqa savol
    }, koʻp vaqt olmaydi.
resume = Siz allaqachon ariza toʻldiryapsiz, toʻxtagan joyimizdan davom etamiz. Istasangiz, boshidan boshlash mumkin:
how-to-begin = Ariza qoldirish uchun /start tugmasini bosing
ask-consent =
    Arizani menejerga yetkazish uchun shaxsiy maʼlumotlaringizni qayta ishlashga roziligingiz kerak.
    Maxfiylik siyosati: { $url }
consent-first = Avval shu xabar ostidagi rozilik tugmasini bosing, keyin boshlaymiz.
ask-consent-to =
    Arizani menejerga yetkazish uchun shaxsiy maʼlumotlaringizni qayta ishlashga roziligingiz kerak.

    Uni «{ $document }» tugmasi orqali oʻqishingiz mumkin. Rozilikni istalgan vaqtda /delete buyrugʻi bilan qaytarib olasiz.
held-till-consent = Xabaringizni oldim, uni takrorlash shart emas: rozilik tugmasini bosing, davom etamiz.
consent-changed = Rozilik matni yangilandi, shuning uchun yana bir bor soʻraymiz. Agar javob bergan boʻlsangiz, hammasi joyida.
consent-before-going-on = Davom etishdan oldin roziligingiz kerak: endi buni hammadan soʻraymiz. Javoblaringizning hammasi joyida.
consent-declined = Yaxshi. Roziliksiz arizani qabul qila olmaymiz, hozir yozganlaringizning hammasi oʻchirildi. Fikringiz oʻzgarsa, /start tugmasini bosing
consent-document = Shaxsiy maʼlumotlarni qayta ishlashga rozilik
ask-name = Ismingiz nima?
ask-phone = Telefon raqamingiz qanday? Pastdagi tugmani bosing yoki raqamni yozing, masalan: +998 90 123-45-67
ask-budget = Byudjetingiz qancha? Masalan: 2,5 mln. Hali qaror qilmagan boʻlsangiz, «bilmayman» deb yozing.
ask-car-link = Avtomobil havolasini yuboring, masalan encar.com saytidan. Havola boʻlmasa, «Oʻtkazib yuborish» tugmasini bosing.
card =
    Arizani tekshiring:

    { $answers }{ $wish }

    Hammasi toʻgʻrimi? «Yuborish» tugmasini bosing yoki nimani oʻzgartirishni tanlang.
card-wish = 📝 Istaklar: { $value }
card-files = 📎 Fayllar: { $count }
copy-wish = Istaklar: { $value }
label-name = Ism
label-phone = Telefon
label-budget = Byudjet
label-car-link = Avtomobil
choice-budget-small = 1,5 mln gacha
choice-budget-middle = 2,5 mln gacha
choice-budget-large = 4 mln gacha
choice-budget-unknown = bilmayman
skipped = koʻrsatilmagan
budget-understood = { $budget } ({ $price } ₽)
no-car-link = menejer bilan kelishamiz
phone-taken = Telefonni yozib oldim: { $phone }
left-as-it-was = Yaxshi, davom etamiz.
goes-on = Yaxshi.
progress = { $of } ta savoldan { $at }-savol
kept-answer = Hozir yozilgani: { $value }
first-question = Bu birinchi savol, undan oldin savol yoʻq. Fikringiz oʻzgargan boʻlsa, «Bekor qilish» tugmasini bosing.
not-a-number = Bu yerga raqamlar bilan bitta son kerak, masalan: 2021 yoki 120 000.
not-a-day = Sanani tushunmadim. Bunday yozing: 25.12.2026.
day-is-over = { $day } oʻtib ketgan. Toʻgʻri boʻlsa, shu sanani yana bir marta yozing, boʻlmasa – boshqasini.
day-taken = Sanani yozib oldim: { $day }. Boshqasini nazarda tutgan boʻlsangiz, oxirida, yuborishdan oldin oʻzgartiring.
files-not-yet = Surat yoki hujjatlarni yuboring, hammasi tayyor boʻlgach, «Tayyor» tugmasini bosing.
files-needed = Bu ariza uchun kamida bitta fayl kerak: surat yoki hujjat yuboring, soʻng «Tayyor» tugmasini bosing.
cannot-skip = Bu savolni oʻtkazib yuborib boʻlmaydi. Iltimos, qisqa boʻlsa ham javob bering.
not-a-sum = Bu yerda summani koʻrmadim. Masalan, bunday yozing: 2,5 mln. Hali qaror qilmagan boʻlsangiz, «bilmayman» deb yozing.
no-such-day = Taqvimda bunday kun yoʻq: { $day }. Iltimos, kun va oyni tekshiring.
budget-in-doubt =
    «{ $budget }» deb yozib oldim, lekin rublda bu avtomobil uchun kam. Boshqa valyuta yoki kattaroq summa boʻlsa, masalan, bunday yozing: «30 000 USD» yoki «3 mln rubl». Hammasi toʻgʻri boʻlsa, davom eting.
answers-changed =
    Arizada tuzatdim:
    { $changes }
budget-stays = Arizadagi byudjet avvalgidek: { $budget }. Oʻzgargan boʻlsa, bunday yozing: «byudjet { $other }».

name-too-long = Ism uchun bu biroz uzun. Iltimos, 100 belgidan oshirmay yozing.
name-unreadable = Ismni oʻqib boʻlmadi. Iltimos, oddiy harflar bilan yozing.
name-greeting = Assalomu alaykum! Keling, tanishib olaylik.
not-a-name = Bu ismga oʻxshamaydi. Sizga qanday murojaat qilishimizni yozing, masalan: Olim. Ismingiz rostdan ham shunday boʻlsa, «Меня зовут …» deb yozing.
noted-name = 👤 Ismni yozib oldim: { $value }
noted-phone = 📞 Telefonni yozib oldim: { $value }
noted-budget = 💰 Summani yozib oldim: { $value }
noted-sum = 💰 Summani yozib oldim. { $label }: { $value }
noted-car-link = 🚗 Avtomobilni yozib oldim: { $value }
noted-wish = 📝 Menejerga yetkazaman: { $value }
noted-can-be-changed = Yuborishdan oldin buni oʻzgartirish mumkin.
repeated = Xuddi shunday xabar allaqachon keldi, ikkinchi marta kerak emas.
phone-is-no-budget = Bu summa emas, telefon raqami. Arizada { $phone } yozilgan, uni yuborishdan oldin oʻzgartirish mumkin.
link-is-no-budget = Bu summa emas, havola.
why-phone = Telefon menejer arizangizga javob berishi uchun kerak: usiz arizani yuborib boʻlmaydi. Yozishma qulayroq boʻlsa, shunday deb yozing, menejerga yetkazaman.
no-phone-found = Bu xabarda telefon raqamini koʻrmayapman.
phone-invalid = Raqamda raqamlar yetishmayapti yoki ortiqcha. Tekshirib, toʻliq yuboring. Raqam Rossiyaniki boʻlmasa, mamlakat kodidan boshlang: +998 90 123-45-67
budget-unreadable = Byudjetni qisqa yozing, 200 belgigacha.
answer-unreadable = Javobni oʻqib boʻlmadi. Iltimos, oddiy harflar bilan yozing.
answer-too-long = Bu biroz uzun. Iltimos, qisqaroq yozing: { $longest } belgigacha.
choose-one = Savol ostidagi tugmalardan birini bosing yoki undagi soʻzni yozing.
no-link-found = Bu yerda havola koʻrmadim. Havolani yuboring yoki qanday mashina istashingizni yozing.
wish-taken = Yozib oldim, menejerga yetkazaman. Havola boʻlsa, yuboring.
link-too-long = Havola juda uzun. Avtomobil sahifasining qisqaroq manzilini yuboring.
contact-not-now = Hozir kontakt kerak emas.
use-buttons = «Yuborish» tugmasini bosish qoldi 👇
old-button = Bu oldingi xabarning tugmasi.
old-button-of-sent = Bu tugma oldingi xabardan: #{ $number } arizasi allaqachon yuborilgan.
edited-message = Yuborilgan xabarlardagi tuzatishlarni koʻrmayman. Har qanday javobni oxirida, yuborishdan oldin oʻzgartirish mumkin.
edited-elsewhere = Yuborilgan xabarlardagi tuzatishlarni koʻrmayman. Toʻgʻrisini yangi xabarda yozing.
only-text = Men faqat matn, surat, hujjat va tugmalarni tushunaman.
photos-kept = 📎 { $count ->
    [one] { $count } ta surat qo‘shildi.
   *[other] { $count } ta surat qo‘shildi.
}
files-kept = 📎 { $count ->
    [one] { $count } ta fayl qo‘shildi.
   *[other] { $count } ta fayl qo‘shildi.
}
files-in-all = Jami fayllar: { $count }.
too-many-files = So‘rovga { $most } tagacha fayl qo‘shish mumkin, qolganlarini saqlamadim. Ularni keyin menejerga ko‘rsatishingiz mumkin.
file-too-large = Bu fayl { $megabytes } MB dan katta, uni ololmayman. Kichikroq fayl yoki unga havola yuboring.
files-dropped = Barcha fayllar olib tashlandi.
unknown-command = Bunday buyruqni bilmayman. /start, /my, /cancel, /language, /delete va /help bor.
ask-delete =
    Ma’lumotlaringiz o‘chirilsinmi va ularni qayta ishlashga rozilik bekor qilinsinmi?

    Bot ismingiz, telefoningiz, javoblaringiz, havolalar va fayllarni, boshlangan arizani va o‘zidagi yozishmalarni o‘chiradi. Menejerga hali yetkazilmagan ariza endi unga yetkazilmaydi.

    Arizalar raqami, ma’lumotlar o‘chirilgani haqidagi belgi va, rozilik bergan bo‘lsangiz, uning tasdig‘i qoladi: ko‘rsatilgan matn, uning versiyasi va vaqti – ism, telefon va akkauntsiz (akkaunt o‘rnida faqat nazorat yig‘indisi). Menejerda bo‘lgan arizalar haqida unga yozamiz: u yerdagi ma’lumotlaringizni avtosalon o‘chiradi.

    Bu chatdagi xabarlarni faqat siz o‘chira olasiz: bu Telegramning o‘zida qilinadi.
deleting = Xo‘p, o‘chiryapman.
nothing-deleted = Hech narsa o‘chirilmadi, hammasi avvalgidek.
data-deleted = Ma’lumotlaringiz o‘chirildi, rozilik bekor qilindi.
data-deleted-at-the-dealer = { $count ->
       *[other] { $numbers } avtosalonda bor. Rozilik bekor qilinganini yozdik: o‘z yozuvlarini avtosalon o‘zi o‘chiradi.
    }
data-deleted-not-sent = { $count ->
       *[other] { $numbers } hali yetkazilmagan edi, endi uni hech kim olmaydi.
    }
data-deleted-welcome = Yana ariza qoldirmoqchi bo‘lsangiz, /start tugmasini bosing
ask-cancel = Ariza bekor qilinsinmi? Hech narsa yuborilmaydi. Yoʻq boʻlsa, «Davom etish» tugmasini bosing.
what-to-correct = Nimani tuzatish kerak? Tugmani bosing yoki yangi javobni yozing, masalan: «byudjet 3 mln».
cancelled = Ariza bekor qilindi, hech narsa yuborilmadi. Yangisini boshlash uchun /start tugmasini bosing
cancelled-late = Ariza bekor qilindi. Javoblaringizning bir qismi menejerda bor, unga ariza kerak emasligini yetkazaman. Yangisini boshlash uchun /start tugmasini bosing
nothing-to-cancel = Bekor qiladigan narsa yoʻq: hozir ariza toʻldirilmayapti. Yangisini boshlash uchun /start tugmasini bosing
already-sent = #{ $number } raqamli arizangiz allaqachon menejerda, u siz bilan bogʻlanadi. Yana ariza qoldirish uchun /start tugmasini bosing
sent-not-there-yet = #{ $number } arizangiz qabul qilindi va tez orada menejerda boʻladi, u siz bilan bogʻlanadi. Yana ariza qoldirish uchun /start ni bosing
sent-too-many = Siz bir nechta ariza yubordingiz, hammasi qabul qilingan. Buni biroz keyinroq yuborish mumkin: { $wait } dan soʻng, { $at } dan keyin. Toʻldirganlaringiz saqlandi – oʻshanda «Yuborish» tugmasini bosing, xolos.
my-requests = Arizalaringiz:
my-request =
    #{ $number }, { $at }: { $state }
    🚗 { $car }
my-request-alone = #{ $number }, { $at }: { $state }
my-state-on-its-way = menejerga yetkazilmoqda
my-state-with-the-manager = menejerda
my-state-taken-back = siz qaytarib olgansiz
my-state-closed = avtosalon yopgan
ask-wish = Menejerga nimani yetkazay? Istaklaringizni toʻliq yozing: ular avvalgilarining oʻrnini egallaydi.
choose-by-button = Nimani tuzatishni tushunmadim. Kerakli javob tugmasini bosing yoki yangi telefon, byudjet yoki havolani yozing.
new-phone = Raqamni koʻrdim: { $phone }
label-wish = Istaklar
button-do-not-correct = Tuzatilmasin
my-state-won = yakunlangan
my-state-lost = yopilgan. Agar hali kerak boʻlsa, yangi ariza qoldiring: /start
choose-correction =
    #{ $number } arizada hozir:

    { $answers }

    Nimani tuzatamiz?
correcting = #{ $number } arizani tuzatyapmiz.
confirm-correction =
    #{ $number } ariza. Shunday tuzatilsinmi?

    { $changes }
correction = { $label }: { $before } → { $after }
corrected = Tayyor, #{ $number } ariza tuzatildi. Menejer yangi javobni ham, avvalgisini ham ko‘radi.
ask-take-back = #{ $number } ariza qaytarib olinsinmi? Menejer u endi kerak emasligini ko‘radi va u bo‘yicha qo‘ng‘iroq qilmaydi.
taken-back = #{ $number } ariza qaytarib olindi, menejer buni ko‘radi. Fikringiz o‘zgarsa, yangisini qoldiring: /start
request-as-it-was = #{ $number } ariza avvalgidek qoldi.
request-too-late = #{ $number } ariza bir soatdan ko‘proq oldin yuborilgan, u bilan menejer ishlamoqda: tuzatish yoki qaytarib olish uchun unga aytsangiz kifoya. U siz bilan bog‘lanadi.
request-taken-back-before = #{ $number } ariza allaqachon qaytarib olingan. Fikringiz o‘zgarsa, yangisini qoldiring: /start
request-closed = #{ $number } arizani avtosalon yopgan, uni endi tuzatib bo‘lmaydi. Hali kerak bo‘lsa, yangisini qoldiring: /start
button-correct = ✏️ Tuzatish #{ $number }
button-take-back = 🗑 Qaytarib olish #{ $number }
button-save-correction = ✅ Tuzatish
button-leave-as-is = Avvalgidek qolsin
button-take-back-sure = 🗑 Qaytarib olish #{ $number }
button-do-not-take-back = Qaytarib olmaslik
no-requests = Hozircha arizalaringiz yoʻq. Birinchisini qoldirish uchun tugmani bosing.
passed-on = Menejerga yetkazdim. Yana bitta mashina kerak boʻlsa, tugmani bosing.
passed-on-later = Yozib oldim, menejerga yetkazaman. Yana bitta mashina kerak boʻlsa, tugmani bosing.
too-much-said = #{ $number } arizasi boʻyicha bugun xabarlar juda koʻp, bugun boshqa yozib olmayman. Menejer bungacha yozilganlarning hammasini koʻradi va siz bilan bogʻlanadi.
unfinished =
    Avtomobil uchun ariza boshlab, tugatmadingiz. Yozib olinganlari:

    { $answers }

    Davom etamizmi?
unfinished-empty = Avtomobil uchun ariza boshlab, tugatmadingiz. Davom etamizmi? Bu bir daqiqa oladi.
many-messages = Barcha xabarlaringizni koʻryapman, navbati bilan javob beraman. Hech narsa yoʻqolmadi.
help =
    Men avtomobil uchun arizalarni qabul qilaman: ism, telefon, byudjet va havola. Menejer siz bilan bogʻlanadi.

    /start – ariza qoldirish yoki boshlanganini davom ettirish
    /my – arizalarim: qayerda, tuzatish, qaytarib olish
    /cancel – arizani bekor qilish
    /language – tilni tanlash
    /delete – ma’lumotlarimni o‘chirish
    /help – shu yordam
group = Arizalarni shaxsiy xabarlarda qabul qilaman: menga yozing – @{ $bot }
group-unnamed = Arizalarni shaxsiy xabarlarda qabul qilaman: profilimni ochib, menga yozing
language-name = Oʻzbekcha
language-ask = Tilni tanlang:
language-chosen = Yaxshi, endi oʻzbekcha gaplashamiz.
set-aside = Bu xabarni qayta ishlab boʻlmadi. U saqlandi, koʻrib chiqamiz. Boshqacha soʻzlar bilan javob berib koʻring yoki /start tugmasini bosing

## Xaridor: ariza bilan nima boʻldi

accepted = ✅ #{ $number } raqamli arizangiz qabul qilindi! Menejer siz bilan bogʻlanadi.
saved = #{ $number } raqamli arizangiz ishonchli saqlandi va tez orada menejerga yetib boradi. Sizdan hech narsa talab qilinmaydi.
delivered = ✅ #{ $number } raqamli arizangiz menejerga topshirildi. U siz bilan bogʻlanadi.
status-reached =
    #{ $number } raqamli arizangiz boʻyicha yangilik:

    { $text }

## Tugmalar

button-consent = ✅ Rozilik beraman
button-consent-document = 📄 Rozilik matni
button-policy = 🔒 Maxfiylik siyosati
button-share-contact = 📱 Raqamimni yuborish
button-skip = Oʻtkazib yuborish
button-back = ← Orqaga
button-keep-answer = Shundayligicha qolsin
button-done = Tayyor
button-edit = Oʻzgartirish: { $label }
button-cancel = Bekor qilish
button-drop-wish = 🗑 Istaklarni olib tashlash
button-drop-files = 🗑 Fayllarni olib tashlash
button-submit = ✅ Yuborish
button-same-name = Ism: { $value }
button-same-phone = Oʻsha raqam: { $value }
button-copy-number = 📋 Raqamni nusxalash
button-edit-name = Ismni oʻzgartirish
button-edit-phone = Telefonni oʻzgartirish
button-edit-budget = Byudjetni oʻzgartirish
button-edit-car-link = Havolani oʻzgartirish
button-delete = Ma’lumotlarimni o‘chirish
button-keep = O‘chirmaslik
button-restart = Boshidan boshlash
button-another = Yangi ariza
button-go-on = Davom etish
button-fill-in = Ariza toʻldirish

## Menyudagi buyruqlar

command-start = Ariza qoldirish
command-my = Mening arizalarim
command-cancel = Arizani bekor qilish
command-language = Tilni tanlash
command-delete = Ma’lumotlarimni o‘chirish
command-help = Yordam

## Vaqt

duration-days = { $days } kun { $hours } soat
duration-hours = { $hours } soat { $minutes } daqiqa
duration-minutes = { $minutes } daqiqa
duration-seconds = { $seconds } soniya
