// The languages of the pages, as text: JSON that is parsed when a visitor needs it. A new language is a file
// here and a line below; languages.test.ts holds its keys against English. Portuguese is Brazil's, Spanish
// that of no one country; Chinese is told apart by its script.

import de from './de.json?text'
import en from './en.json?text'
import es from './es.json?text'
import fr from './fr.json?text'
import it from './it.json?text'
import nl from './nl.json?text'
import pl from './pl.json?text'
import pt from './pt.json?text'
import ru from './ru.json?text'
import uk from './uk.json?text'

export const languageFiles = { en, de, fr, es, pt, it, nl, pl, ru, uk }

export type LanguageCode = keyof typeof languageFiles
