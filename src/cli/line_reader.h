/*
 * What a line of standard input says: headers, key and value, as Kafka's
 * console producer reads it ("h1:v1,h2:v2<TAB>key<TAB>value"). Bytes are taken
 * as they are.
 * Runs on: any.
 */
#ifndef BARNABAS_CLI_LINE_READER_H
#define BARNABAS_CLI_LINE_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/errmsg.h"
#include "base/properties.h"

struct line_format {
    bool parse_key;
    bool parse_headers;
    bool ignore_error;
    struct view key_separator;
    struct view headers_delimiter;     /* between the headers and what follows */
    struct view headers_separator;     /* between headers */
    struct view headers_key_separator; /* between a header's name and value */
    struct view null_marker;           /* null view: none */
};

struct line_header {
    struct view key;
    struct view value; /* null view: null */
};

/* Views borrow from the line; the array is the message's own (line_message_close). */
struct line_message {
    struct view key;
    struct view value;
    struct line_header *headers;
    int header_count;
    int header_cap;
};

/* Reads parse.key, key.separator and the like. Borrows their text. False with why when they clash. */
bool line_format_configure(struct line_format *out, const struct properties *props, struct errmsg *why);

/*
 * Splits one line, given without its end. A separator that is missing is an error, unless ignore.error:
 * then the whole rest is the value. `why` may be longer than the line allows: it names the line's number.
 */
bool line_format_parse(const struct line_format *format, struct view line, int64_t line_number,
                       struct line_message *out, struct buf *why);
void line_message_close(struct line_message *message);

/*
 * Takes lines off a descriptor as soon as they are there; \n, \r and \r\n end one, as in Java. The last one
 * needs no end. Zero-initialise, set fd.
 */
struct line_source {
    int fd;
    struct buf bytes;
    size_t at;         /* begin of what was not given yet */
    size_t searched;   /* up to here there is no end of line */
    bool skip_newline; /* the last line ended with \r: a \n that follows belongs to it */
    bool ended;
};

/* False at the end, or with why on a failed read. The line is valid until the next call. */
bool line_source_next(struct line_source *source, struct view *line, struct errmsg *why);
void line_source_close(struct line_source *source);

#endif
