//! Words by what they say about a number beside them, as stems (`доллар…`) and whole words; `е` stands for `ё`.

use std::{collections::HashSet, sync::LazyLock};

/// Whether a word names money other than roubles, or makes every number in the text doubtful.
pub(super) fn is_foreign(word: &str) -> bool {
    const EXCEPT: &str = "дола долг долго долгая долгий долгов должен должна должно должны доля доли доле";
    FOREIGN.contains(word)
        || (FOREIGN_STEMS.split_whitespace().any(|stem| word.starts_with(stem))
            && !EXCEPT.split_whitespace().any(|known| known == word))
        || word.contains(['원', '元', '円', '万', '萬', '만', '억', '亿', '億', '圆', '刀', '美'])
}

/// Whether an amount beside the word is paid monthly or at first, and is no budget.
pub(super) fn is_payment(word: &str) -> bool {
    const WORDS: &str = "пв мес месяц месяца месяцев month months monthly mo взнос взноса взносом взносов пвн";
    const STEMS: &str = "ежемес помесячн месячн ежекварт ежегодн ежеднев ежедн еженед внесу внести остальн остат платеж плачу выплач первоначал \
        первонач первоночал первач аванс предоплат задат залог депозит downpay paym deposit prepay installment instalment";
    has(WORDS, word) || STEMS.split_whitespace().any(|stem| word.starts_with(stem))
}

/// Whether an amount beside the word is a mileage, an income or the price of another car.
pub(super) fn is_other_sum(word: &str) -> bool {
    const WORDS: &str = "км km mileage миль зп продам продаю продал продать сдам сдаю";
    const STEMS: &str = "пробег километр зарплат оклад пенси доход";
    has(WORDS, word) || STEMS.split_whitespace().any(|stem| word.starts_with(stem))
}

/// Whether the word speaks of paying in parts: a small sum beside it is a payment, a large one the whole.
pub(super) fn is_credit(word: &str) -> bool {
    const STEMS: &str = "кредит рассроч расроч росроч лизинг автокредит ипотек credit loan leasing lease";
    STEMS.split_whitespace().any(|stem| word.starts_with(stem))
}

/// Whether the word is roubles, or says which.
pub(super) fn is_rouble(word: &str) -> bool {
    const WORDS: &str = "р r рр руб рубл рублики рубликов рублик рубасов рубас рубчиков рупь rub rubs rur rubles \
        roubles ruble rouble rubley rublei rublej rubl деревянных деревянными деревянные деревяных карбованцев";
    has(WORDS, word) || word.starts_with("руб")
}

/// Whether the word changes nothing.
pub(super) fn is_filler(word: &str) -> bool {
    FILLERS.contains(word)
}

/// Whether the word is known to be neither money nor a filler: a car, a colour, a verb.
pub(super) fn is_harmless(word: &str) -> bool {
    const ENDINGS: &str = "ть тся ться ую юсь ешь ете аем уем";
    // `30 млн корейских` leaves out the word that matters.
    let is_adjective = word.ends_with("ских") || word.ends_with("скими");
    !is_adjective
        && (HARMLESS_STEMS.split_whitespace().any(|stem| word.starts_with(stem))
            || CARS.contains(word)
            || (word.chars().count() > 4 && ENDINGS.split_whitespace().any(|ending| word.ends_with(ending))))
}

/// Whether the word is of a car whose models are plain numbers: `Mazda 3`, `BMW 5`, `Audi 80`, `Tiggo 7`.
pub(super) fn is_numbered(word: &str) -> bool {
    const WORDS: &str =
        "мазда мазду mazda бмв bmw ауди audi пежо peugeot тигго tiggo омода omoda model модель джейку jaecoo";
    has(WORDS, word)
}

fn has(words: &str, word: &str) -> bool {
    words.split_whitespace().any(|known| known == word)
}

fn set(words: &'static str) -> HashSet<&'static str> {
    words.split_whitespace().collect()
}

const FOREIGN_STEMS: &str = "доллар долар доляр долор доллор далар даллар долл дола доларов бакс бакин бачей бачин \
    юан юаш юань йуан иен йен иань тенг теньг тиенге гривн гривен грывн манат злот фунт франк дирхам дирх тугрик \
    тугр биткоин биток крипт белорус беларус приднестр валют зелен евриц еврик ойро сомони сомон динар шекел риал форинт \
    донг рингит ринггит песо рупи рэнминб ренминб женьмин жэньмин юсдт юсдт усдт тезер тетер стейбл енот президент \
    dollar dolar buck bax baks yuan tenge evro usdt usdc tether crypto bitcoin dirham hryvn griv manat dinar rupee renminb \
    процент percent";

static FOREIGN: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    set("евро евр евра евров еврей еврами еврах вон вона воны воне вонах вонов вонами вонн тг тнг тнге сум сума суми \
        суму сумов сумм сумах сом сома сомов сомах сомы лари ларей ларях лар драм драма драмов драмы лир лира лиры лей \
        леев леи лея рупий крон крона кроны бел рб грн гривны дол долл дл уе уев уей зел зелень грин грина гринов грины \
        баксы юсд усд бат бата батов баты реалов ранд рандов левов лв кип йн юа рмб \
        usd us eur euro euros krw won wons kzt cny rmb jpy yen byn byr uah gbp pound pounds aed gel amd azn kgs uzs try \
        chf pln inr cad aud hkd sgd thb vnd idr myr nzd sek nok dkk czk huf ron bgn ils tjs tmt mnt btc eth dhs \
        som soum sum tg lari lira lire ye zł kc kč ft \
        минус minus")
});

static FILLERS: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    set(
        "думаю думаем пусть планирую планируем потратить потрачу уложиться уложусь вложиться рассчитываем а без более больше будет бы был была было бюджет бюджета бюджете бюджетом в вам вас вместе во вот все всего \
        вся всю всем выше где готов готова готовы да даже дал даю деньги денег деньгами для добрый доброе добро день \
        утро вечер дороже дешевле его ее если есть еще же за здравствуйте здесь из или имею имеем итого их к как кажется \
        ключ ко край крайний край конечно кровных лимит лучше максимальная максимальный \
        минимальный минимальная мало менее меня меньше мин минимум мне могу можем можно мой моя мои мы на наличка наличкой \
        наличку наличные наличными нал налом безнал безналом налик картой наш наших наши не нет ни ниже но ну нужно надо \
        нужна нужен о об ок около он она они оно ориентировочно от ориентир около очень плюс по под пока полностью \
        порядка потолок потом предел предела пределах предел привет приблизительно приблизительная примерно примерный \
        примерная при про просто пожалуйста плз путем районе рассчитываю росс российских российскими рф с сам свой своих \
        свои сейчас со собственных собственные собств спасибо совсем строго свыше стоимость стоимостью стоимости сумма \
        сумме суммы суммой сумму считая так также там тоже то тогда того той только тут ты у уже хватит хорошо хочу \
        хотим хотелось чем что чтобы чуть честных этого это этой этот эту я ясно ровно точно где-то грубо говоря \
        желательно собираем готовлю немного чуток плюсом если минималка максималка минималкой рублевый \
        наверное наверно навскидку сверху вроде типа скажем допустим условно реально сразу может быть наличных наличка нужно реальный нормально вот-вот вполне хоть любой \
        любая любую любые какой какая кто либо желательный тел телефон телефона звоните пишите ватсап вотсап вацап \
        телеграм телега почта mail email whatsapp viber wa phone tel наликом переводом карту счет счету счетом свободных \
        свободные накоплено накопил накопили отложено хватает достаточно устроит подойдет обсудить разумеется окей \
        цена цене цену ценой ценник ценник авто автомобиль автомобиля автомобили машину машиной машине машинку тачку тачка \
        владивостока владивосток владивостоке влад москвы москва москве мск спб питер питера россии россию россия \
        доставка доставкой доставку доставки растаможка растаможкой растаможку растаможки растаможенный таможня таможней \
        таможни таможенные таможенными пошлина пошлиной пошлины утиль утилем утильсбор утильсбором утильсбора \
        комиссия комиссией комиссии учетом учете расходы расходами расходов налог налоги налогами налогов оформление \
        оформлением учет постановка постановкой включая включительно включено торг торга торгом обмен уместен трейдин \
        обсуждаемо обсудим обсуждается возможен возможно ориентировочный около примерно до \
        about above all approx approximately around at available budget but by can cash customs delivery delivered \
        for from full have hello hi i if in incl included including is it least less limit little me min \
        minimum more most my no not of ok only our over please plus price say something spend than thanks that the \
        there this total turnkey under up us want we willing with without would a an bit door car auto vehicle key \
        and-so",
    )
});

/// Beginnings of words that may stand right behind a sum and are no money.
const HARMLESS_STEMS: &str = "машин тачк джип седан кроссовер кросовер внедорож минивен минивэн хетчб хэтчб купе \
    универсал пикап фургон грузов гибрид дизел бензин электро автомат механик вариатор привод полный передн задн \
    правый правая правым левый левая руль рулем свеж новую новый новая новые новее японе японск японц немец немецк \
    корейц корейск кореец кореян кита китайц европе белую белый белая белого черн серую серый серая \
    серого серебр синий синюю синяя красн кожан люк салон комплект состоян хорош хочется дальше рассматрив рассмотр \
    планир подбер подобр покуп куп ищу ищем ищет нужен жду думаю можете прошу звонит пишит потрат вложит уложит \
    дешев дорог семейн небольш маленьк больш друг хабаровск уссурийск краснодар новосиб екатерин иркутск красноярск \
    казан сочи коре япони тойот хонд нисса мазд мицуб субар сузук лексус инфинит акур киа хенд хунд хендай хюнд хёнд \
    генезис дженезис санг ссанг бмв мерс ауди ауд фольк вольв порш шкод рено пежо ситроен опел форд шеврол джили \
    чери хавал хавейл чанган эксид омод джетур зикр лисян лисианг бид тесла лад ваз гелик камри корол прадо крузер \
    рав спортейдж спортаж соренто церато рио оптима соната туссан туксон солярис палисад санта старекс карнивал \
    элантр аванте креста х-трейл кашкай патрол фит везел фрид стрим степвагон приус аква альфард вокси ноах сиента \
    тигуан туарег пассат гольф поло октави кодиак";

static CARS: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    set("toyota honda nissan mazda mitsubishi subaru suzuki lexus infiniti acura kia hyundai genesis ssangyong bmw \
        mercedes benz audi volkswagen vw volvo porsche skoda renault peugeot citroen opel ford chevrolet geely chery \
        haval changan exeed omoda jetour zeekr li lixiang byd tesla lada jeep cadillac mini land rover range camry corolla \
        prado cruiser rav highlander sportage sorento cerato rio optima sonata tucson solaris palisade santa fe starex \
        carnival elantra avante seltos k x gl gle gls glc cla suv sedan hybrid diesel petrol electric new used white \
        black silver grey gray red blue korea korean japan japanese china chinese cars")
});
