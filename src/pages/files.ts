// The page files, imported as text; no other file imports them. The build turns each import into
// what is shipped, and so does the test runner when tests load this file from source. `?text` is
// the shipped text (style and script minified, the script compiled). `?sha256` is the hash of that
// text, for the Content-Security-Policy. `?asset` is a function that reads the text out of the
// executable, for files that few requests need.

import apacheExample from '../../apache-example.conf?asset'
import ask from './ask.html?text'
import away from './away.html?text'
import scriptHash from './client/form.client.ts?sha256'
import script from './client/form.client.ts?text'
import dialog from './dialog.html?text'
import done from './done.html?text'
import errorPage from './error.html?text'
import form from './form.html?text'
import frame from './frame.html?text'
import mark from './mark.html?text'
import optionsHash from './options.css?sha256'
import options from './options.css?text'
import question from './question.html?text'
import result from './result.html?text'
import styleHash from './style.css?sha256'
import style from './style.css?text'

export const pages = {
  /** The frame of the pages below. */
  frame,
  form,
  result,
  /** A part of the form page and of the page of a result. */
  done,
  ask,
  /** A static page that leads to the page `ask`. */
  away,
  /** What asks for the passphrase: a part of the page `ask` and of the dialog of the form page. */
  question,
  dialog,
  error: errorPage,
  mark,
  style,
  styleHash,
  /** The style of what only some owners have. */
  options,
  optionsHash,
  script,
  scriptHash,
  /** Not a page: the text that `upload.cgi apache-conf` prints. */
  apacheExample,
}
