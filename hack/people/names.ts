/** Given and family names of one language, each as it is written and as it stands in an address. */
export interface Names {
  /** BCP 47. */
  readonly language: string;
  readonly given: readonly Name[];
  readonly family: readonly Name[];
}

export interface Name {
  readonly written: string;
  /** In a-z only. */
  readonly latin: string;
}

/** The letters that Unicode does not decompose into a Latin letter and a mark. */
const undecomposed: Readonly<Record<string, string>> = {
  ß: 'ss',
  ø: 'o',
  æ: 'ae',
  å: 'aa',
  ł: 'l',
  đ: 'd',
  ı: 'i',
  þ: 'th',
  ð: 'd',
  "'": '',
  ' ': '',
};

/** `Name` for a Latin script, `Name=latin` for the others; separated by commas. */
const list = (text: string): Name[] =>
  text.split(',').map((item) => {
    const [written = '', latin = romanize(written)] = item.trim().split('=');
    return { written, latin };
  });

function romanize(name: string): string {
  return name
    .toLowerCase()
    .replace(/[ßøæåłđıþð' ]/g, (letter) => undecomposed[letter] ?? '')
    .normalize('NFD')
    .replace(/[^a-z]/g, '');
}

const names = (language: string, given: string, family: string): Names => ({
  language,
  given: list(given),
  family: list(family),
});

export const languages: readonly Names[] = [
  names(
    'en',
    'Olivia, Amelia, Isla, Grace, Charlotte, Aisling, George, Arthur, Noah, Theodore, Callum, Siân',
    "Smith, Jones, Taylor, Brown, Williams, Wilson, O'Brien, Fitzgerald, MacDonald, Clarke, Hughes, Ashworth",
  ),
  names(
    'de',
    'Anneliese, Jürgen, Käthe, Jörg, Sabine, Lukas, Björn, Friederike, Matthias, Ünal, Greta, Sönke',
    'Müller, Schröder, Weiß, Groß, Bäcker, Hofmann, Jäger, Köhler, Zimmermann, Strauß, Vogel, von der Heide',
  ),
  names(
    'fr',
    'Aurélie, Benoît, Chloé, Étienne, François, Hélène, Jérôme, Maëlle, Noël, Océane, Théo, Zoé',
    "Lefèvre, Dubois, Bérenger, Chevalier, d'Aubigné, Fournier, Gauthier, Lambert, Moreau, Noël, Rousseau, Thévenet",
  ),
  names(
    'es',
    'María, José, Lucía, Álvaro, Begoña, Íñigo, Nuria, Sofía, Joaquín, Raúl, Inés, Andrés',
    'García, Muñoz, Rodríguez, Fernández, Ibáñez, Núñez, Peña, Sánchez, Vázquez, Zúñiga, Gómez, de la Cruz',
  ),
  names(
    'pl',
    'Małgorzata, Łukasz, Agnieszka, Paweł, Zofia, Stanisław, Żaneta, Michał, Wiesława, Jędrzej',
    'Kowalski, Wiśniewski, Wójcik, Kamiński, Zieliński, Szymański, Dąbrowski, Żółkiewski, Łączny, Świątek',
  ),
  names(
    'tr',
    'Ayşe, Çağla, Gökhan, İbrahim, Işıl, Ömer, Şükrü, Zübeyde, Uğur, Tuğçe',
    'Yılmaz, Şahin, Öztürk, Çelik, Aydın, Güneş, Kılıç, Doğan, Arslan, Koç',
  ),
  names('vi', 'Nguyệt, Hương, Thảo, Dũng, Phượng, Tuấn, Quỳnh, Bảo', 'Nguyễn, Trần, Lê, Phạm, Huỳnh, Võ, Đặng, Bùi'),
  names(
    'el',
    'Ελένη=eleni, Γιώργος=giorgos, Κωνσταντίνος=konstantinos, Σοφία=sofia, Δημήτρης=dimitris, Χρυσούλα=chrysoula',
    'Παπαδόπουλος=papadopoulos, Οικονόμου=oikonomou, Αγγελίδης=angelidis, Βασιλείου=vasileiou, Ιωάννου=ioannou',
  ),
  names(
    'ru',
    'Анастасия=anastasia, Дмитрий=dmitry, Ольга=olga, Сергей=sergey, Екатерина=ekaterina, Фёдор=fyodor, Юлия=yulia',
    'Иванов=ivanov, Кузнецов=kuznetsov, Смирнов=smirnov, Соколов=sokolov, Щербаков=shcherbakov, Соловьёв=solovyov',
  ),
  names(
    'ar',
    'فاطمة=fatima, محمد=mohammed, ليلى=layla, يوسف=youssef, مريم=maryam, خالد=khaled',
    'العلوي=alalawi, بن يوسف=benyoussef, حداد=haddad, منصور=mansour, الشامي=alshami',
  ),
  names(
    'he',
    'נועה=noa, יוסף=yosef, תמר=tamar, איתן=eitan, שירה=shira',
    'כהן=cohen, לוי=levi, מזרחי=mizrahi, פרץ=peretz',
  ),
  names(
    'hi',
    'आरव=aarav, प्रिया=priya, अनन्या=ananya, विवेक=vivek, सुनीता=sunita',
    'शर्मा=sharma, वर्मा=verma, गुप्ता=gupta, मिश्रा=mishra, चौधरी=chaudhary',
  ),
  names(
    'zh-Hans',
    '伟=wei, 芳=fang, 秀英=xiuying, 建国=jianguo, 雪梅=xuemei, 宇航=yuhang',
    '王=wang, 李=li, 张=zhang, 刘=liu, 陈=chen, 欧阳=ouyang',
  ),
  names(
    'ja',
    '陽葵=himari, 蓮=ren, さくら=sakura, 大翔=hiroto, 美咲=misaki, 健太=kenta',
    '佐藤=sato, 鈴木=suzuki, 高橋=takahashi, 渡辺=watanabe, 髙﨑=takasaki, 小林=kobayashi',
  ),
  names('ko', '서연=seoyeon, 민준=minjun, 지우=jiwoo, 하은=haeun', '김=kim, 이=lee, 박=park, 최=choi, 정=jung'),
];
