// The one table of faults. A new code is a row here, a row of the README's table, a sentence
// `fault.CODE` in each of languages/*.json, and a request in test/cgi/faults.test.ts that provokes
// it; tests hold all four together.

export type FaultCode = keyof ReturnType<typeof faultTable>

export type FaultRow = readonly [
  status: number,
  sentence: string,
  when: string,
  passing?: 'passing',
]

/**
 * code → [status, sentence, when it happens (README), 'passing' if a client should try again
 * unasked, within minutes]. Made anew for whoever asks, since most requests have no fault.
 */
export function faultTable() {
  return {
    BAD_LENGTH: [
      400,
      'The length of the request makes no sense.',
      'CONTENT_LENGTH is not a plain decimal number, or absurdly large',
    ],
    BAD_MULTIPART: [
      400,
      'The request is not well-formed multipart/form-data.',
      'the body breaks a rule of multipart/form-data; `detail` says which one and at which byte',
    ],
    INCOMPLETE_BODY: [
      400,
      'The upload stopped before its end.',
      'the connection ended before the whole body had arrived',
      'passing',
    ],
    NOTHING_UPLOADED: [400, 'No file was chosen.', 'no file in the request'],
    BAD_UPLOAD: [
      400,
      'The request does not describe the upload correctly.',
      'a piece whose fields are malformed or contradict each other or the upload; ' +
        '`detail` says how',
    ],
    FIELD_REQUIRED: [
      400,
      'Please fill in “{label}”.',
      'a `required` field is empty in the post of a browser, or one that `folder` names did not ' +
        'come before the first file',
    ],
    USER_REQUIRED: [
      403,
      'Only signed-in users may upload here.',
      '`require_user` is on and the server authenticated nobody',
    ],
    PASSPHRASE_REQUIRED: [
      403,
      'This page asks for a passphrase, and it is missing or wrong.',
      '`passphrase` is set, and neither the field `_passphrase`, nor the header ' +
        'X-Upload-Passphrase, nor the cookie of the page is right',
    ],
    INVITATION_INVALID: [
      403,
      'This page needs the link of a valid invitation.',
      'the token is in none of the `invitations`, or `invited_only` is on and there is no token',
    ],
    INVITATION_ENDED: [
      403,
      'This invitation has ended.',
      'its `until` is over, or its `max_size` or `max_files` is used up',
    ],
    CLOSED: [
      403,
      'This page is closed and takes no more files.',
      '`open_until` is over; uploads that began before can still be finished',
    ],
    FOREIGN_ORIGIN: [
      403,
      'The upload came from a page of another site.',
      'posted by a page of a site that is neither this host nor in `allowed_origins`',
    ],
    NOT_YOURS: [
      403,
      'Somebody else began this submission.',
      'another user, or another invitation, began the `_submission` of the request',
    ],
    NO_SUCH_UPLOAD: [
      404,
      'This upload is not known here, or no longer.',
      'no unfinished upload has this id; it may be older than `partial_lifetime`',
    ],
    NO_SUCH_SUBMISSION: [
      404,
      'Nothing was received under this number, or it is no longer known.',
      'nothing is stored under this `_submission`, or no longer; see `record_lifetime`',
    ],
    METHOD_NOT_ALLOWED: [
      405,
      'This address answers {methods} only.',
      'the method is not allowed; `Allow` lists those that are',
    ],
    TOO_SLOW: [
      408,
      'The upload came too slowly.',
      'the body came slower than 1 KB a second, over a minute of waiting for it',
      'passing',
    ],
    NAME_TAKEN: [
      409,
      'A file with this name is already there.',
      '`on_conflict = "reject"` and the name exists, or the name is that of a ' +
        'directory or the like',
    ],
    SUBMISSION_CLOSED: [
      409,
      'More can be added for one day only. Please send this as a new submission.',
      'the `_submission` of the request began more than a day ago; another one may begin',
    ],
    OFFSET_MISMATCH: [
      409,
      'This piece does not follow what has arrived so far.',
      'the piece starts at another offset than the upload has; `offset` and the header ' +
        'Upload-Offset say where to resume',
    ],
    LENGTH_REQUIRED: [
      411,
      'The request does not say how long it is.',
      'neither CONTENT_LENGTH nor a chunked body',
    ],
    UNSUPPORTED_TUS: [
      412,
      'This version of the tus protocol is not spoken here.',
      'Tus-Resumable is missing or not 1.0.0; Tus-Version says what is spoken',
    ],
    REQUEST_TOO_LARGE: [
      413,
      'The upload as a whole is larger than this page accepts.',
      'the body is over `max_request_size`',
    ],
    FILE_TOO_LARGE: [
      413,
      'A file is larger than this page accepts.',
      'a file is over `max_file_size`',
    ],
    FIELD_TOO_LARGE: [
      413,
      'A text field is longer than this page accepts.',
      'a text field is over `max_field_size`',
    ],
    TOO_MANY_FILES: [
      413,
      'There are more files than this page accepts at once.',
      'more than `max_files` files',
    ],
    TOO_MANY_FOLDERS: [
      413,
      'There are more folders, or more folders inside one another, than this page accepts.',
      'folders deeper than 16, more than 100 in a submission, or a path of more than 2,048 bytes',
    ],
    TOO_MANY_FIELDS: [
      413,
      'There are more form fields than this page accepts.',
      'more than `max_fields` text fields',
    ],
    HEADERS_TOO_LARGE: [
      413,
      'The headers of a part of the request are too large.',
      'a part has more than 16 headers, or more than 8 KiB of them',
    ],
    NOT_MULTIPART: [
      415,
      'Uploads must be sent as multipart/form-data.',
      'the Content-Type is wrong or missing',
    ],
    ENCODED_BODY: [
      415,
      'The upload must be sent as it is, without compression.',
      'the request has a Content-Encoding other than `identity`',
    ],
    NOT_A_PIECE: [
      415,
      'Pieces must be sent as application/offset+octet-stream.',
      'the Content-Type of a tus piece is wrong or missing',
    ],
    EXTENSION_REFUSED: [
      415,
      'Files of this kind are not accepted here.',
      '`allow_extensions` lacks the extension, or `block_extensions` holds a part of the name',
    ],
    CONTENT_REFUSED: [
      415,
      'The content of a file does not match its name.',
      '`content_check`: the name is that of a picture, video, archive or the like, and the file ' +
        'begins as a program, a script or a page',
    ],
    REFUSED_BY_SCAN: [
      422,
      'A file was refused when it was scanned.',
      '`scan_command` ended with 1 for a file; the error log has what it printed',
    ],
    UPLOAD_BUSY: [
      423,
      'This upload is being received from somewhere else at the moment.',
      'another sender of the same upload is active; one that died is forgotten within a minute',
      'passing',
    ],
    TOO_MANY_TRIES: [
      429,
      'There were too many wrong tries. Please wait a few minutes.',
      'ten wrong passphrases of one sender in ten minutes; Retry-After says how long to wait',
    ],
    SENDER_LIMIT: [
      429,
      'You have sent as much as one sender may send here in a day.',
      'over `max_sender_size` or `max_sender_files`; Retry-After says when there is room again',
    ],
    CHECKSUM_MISMATCH: [
      460,
      'The piece arrived with another checksum than it was sent with.',
      'the Upload-Checksum of a tus piece is not that of its bytes; the piece is dropped',
      'passing',
    ],
    INTERNAL: [
      500,
      'Something went wrong on this server.',
      'a bug; the log has the cause under the same id',
    ],
    NOT_CONFIGURED: [
      503,
      'This upload page is not ready yet.',
      "the settings are missing or wrong; the server's error log and `check` say how to fix them",
    ],
    DIRECTORY_UNUSABLE: [
      503,
      'Uploads cannot be stored at the moment.',
      'the directory is missing, not writable, exposed, or holds the settings; the ' +
        'error log says ' +
        'which',
    ],
    TOO_MANY_UPLOADS: [
      503,
      'Too many uploads are unfinished here at the moment.',
      'a new upload in pieces while the sender has its share of `max_partial_uploads` ' +
        'unfinished, ' +
        'or all are taken',
      'passing',
    ],
    SCAN_FAILED: [
      503,
      'The upload cannot be scanned at the moment.',
      '`scan_command` is missing, fails or takes over 30 s; the error log says which',
      'passing',
    ],
    DISK_FULL: [
      507,
      'There is not enough space left for this upload.',
      'the disk or the quota is full, or `min_free_space` or the last inodes would not ' +
        'be kept free',
    ],
    TOTAL_LIMIT: [
      507,
      'This page cannot take this much any more.',
      'the directory would hold more than `max_total_size` or `max_total_files`',
    ],
  } as const satisfies Record<string, FaultRow>
}
