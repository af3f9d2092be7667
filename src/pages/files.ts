// The pages, as text: the only importer of text files. `?text` is the file as it is shipped (style and
// script minified, the script compiled), `?sha256` the hash of that for the Content-Security-Policy, `?asset` what
// reads it from the executable when it is called, for what few requests need. All are made by build/text.ts, when the
// program is built and when tests load this from source.

import apacheExample from '../../apache-example.conf?asset'
import scriptHash from './client/form.client.ts?sha256'
import script from './client/form.client.ts?text'
import errorPage from './error.html?text'
import styleHash from './form.css?sha256'
import style from './form.css?text'
import form from './form.html?text'
import mark from './mark.html?text'
import result from './result.html?text'

export const pages = {
  form,
  result,
  error: errorPage,
  mark,
  style,
  styleHash,
  script,
  scriptHash,
  /** Not a page, but text all the same. */
  apacheExample,
}
