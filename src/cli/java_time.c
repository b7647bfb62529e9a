#include "cli/java_time.h"

#include <ctype.h>
#include <string.h>

#define MS_PER_SECOND 1000
#define MS_PER_MINUTE (60 * MS_PER_SECOND)
#define MS_PER_HOUR   (60 * MS_PER_MINUTE)
#define MS_PER_DAY    (24 * (int64_t)MS_PER_HOUR)
#define DIGITS_MAX    9

/* --- dates ------------------------------------------------------------------------------------------ */

/* Digits up to the next other letter, as many as there are; false when there are none or too many. */
static bool take_number(const char **at, int low, int high, int *out)
{
    int digits = 0;
    *out = 0;
    for (; isdigit((unsigned char)**at) && digits <= DIGITS_MAX; (*at)++, digits++)
        *out = digits < DIGITS_MAX ? *out * 10 + (**at - '0') : *out;
    return digits > 0 && digits <= DIGITS_MAX && *out >= low && *out <= high;
}

static bool take_letter(const char **at, char letter)
{
    if (**at != letter)
        return false;
    (*at)++;
    return true;
}

static bool take_two_digits(const char **at, int high, int *out)
{
    if (!isdigit((unsigned char)(*at)[0]) || !isdigit((unsigned char)(*at)[1]))
        return false;
    *out = ((*at)[0] - '0') * 10 + ((*at)[1] - '0');
    *at += 2;
    return *out <= high;
}

/* "Z", "+01", "+01:30", "+0130", or nothing; what to take off to come to UTC. */
static bool take_zone(const char **at, int64_t *ms)
{
    *ms = 0;
    if (**at == '\0' || take_letter(at, 'Z'))
        return true;
    int sign = **at == '-' ? -1 : 1, hours = 0, minutes = 0;
    if (!take_letter(at, '+') && !take_letter(at, '-'))
        return false;
    if (!take_two_digits(at, 23, &hours))
        return false;
    if ((take_letter(at, ':') || **at != '\0') && !take_two_digits(at, 59, &minutes))
        return false;
    *ms = sign * ((int64_t)hours * MS_PER_HOUR + (int64_t)minutes * MS_PER_MINUTE);
    return true;
}

static int days_of_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

/* Since 1970, in the Gregorian calendar. The year is counted from March, so that the leap day is its last. */
static int64_t days_since_epoch(int year, int month, int day)
{
    int64_t y = month > 2 ? year : (int64_t)year - 1;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static bool read_datetime(const char *at, int64_t *ms)
{
    int year, month, day, hour, minute, second, milli;
    int64_t zone_ms;
    bool fine = take_number(&at, 1, INT32_MAX, &year) && take_letter(&at, '-') &&
                take_number(&at, 1, 12, &month) && take_letter(&at, '-') &&
                take_number(&at, 1, days_of_month(year, month), &day) && take_letter(&at, 'T') &&
                take_number(&at, 0, 23, &hour) && take_letter(&at, ':') && take_number(&at, 0, 59, &minute) &&
                take_letter(&at, ':') && take_number(&at, 0, 59, &second) && take_letter(&at, '.') &&
                take_number(&at, 0, 999, &milli) && take_zone(&at, &zone_ms) && *at == '\0';
    if (fine)
        *ms = days_since_epoch(year, month, day) * MS_PER_DAY + (int64_t)hour * MS_PER_HOUR +
              (int64_t)minute * MS_PER_MINUTE + (int64_t)second * MS_PER_SECOND + milli - zone_ms;
    return fine;
}

bool java_parse_datetime(const char *text, int64_t *ms, struct errmsg *why)
{
    if (read_datetime(text, ms))
        return true;
    const char *time = strchr(text, 'T');
    if (!time || time[1] == '\0')
        errmsg_set(why,
                   "java.text.ParseException: Error parsing timestamp. It does not contain a 'T' according "
                   "to ISO8601 format");
    else
        errmsg_set(why, "java.text.ParseException: Unparseable date: \"%.150s%s\"", text,
                   strpbrk(time, "+-Z") ? "" : "Z");
    return false;
}

/* --- durations -------------------------------------------------------------------------------------- */

struct duration_reader {
    const char *at;
    bool negative; /* a sign before the P turns all of it */
    bool any;
    bool overflow;
    int64_t ms;
};

static void add(struct duration_reader *reader, int64_t number, int64_t unit_ms)
{
    int64_t product;
    reader->overflow |= __builtin_mul_overflow(number, unit_ms, &product) ||
                        __builtin_add_overflow(reader->ms, product, &reader->ms);
    reader->any = true;
}

static bool take_sign(const char **at)
{
    bool negative = **at == '-';
    if (**at == '-' || **at == '+')
        (*at)++;
    return negative;
}

/* Digits after the point, at most nine; what they mean in milliseconds. */
static bool take_fraction(const char **at, int64_t *ms)
{
    int64_t nanos = 0;
    int digits = 0;
    for (; isdigit((unsigned char)**at); (*at)++, digits++)
        nanos = nanos * 10 + (digits < DIGITS_MAX ? **at - '0' : 0);
    for (int i = digits; i < DIGITS_MAX; i++)
        nanos *= 10;
    *ms = nanos / 1000000;
    return digits <= DIGITS_MAX;
}

/* One "12H", when the number is followed by this letter; nothing is taken otherwise. */
static void take_part(struct duration_reader *reader, char letter, int64_t unit_ms)
{
    const char *at = reader->at;
    bool negative = take_sign(&at), overflow = false;
    int64_t number = 0, fraction_ms = 0;
    const char *digits = at;
    for (; isdigit((unsigned char)*at); at++)
        overflow |=
            __builtin_mul_overflow(number, 10, &number) || __builtin_add_overflow(number, *at - '0', &number);
    if (at == digits)
        return;
    if (letter == 'S' && (*at == '.' || *at == ',')) {
        at++;
        if (!take_fraction(&at, &fraction_ms))
            return;
    }
    if (toupper((unsigned char)*at) != letter)
        return;
    reader->at = at + 1;
    reader->overflow |= overflow;
    add(reader, negative ? -number : number, unit_ms);
    add(reader, negative ? -fraction_ms : fraction_ms, 1);
}

bool java_parse_duration(const char *text, int64_t *ms, struct errmsg *why)
{
    struct duration_reader reader = {.at = text};
    reader.negative = take_sign(&reader.at);
    bool fine = toupper((unsigned char)*reader.at) == 'P';
    if (fine) {
        reader.at++;
        take_part(&reader, 'D', MS_PER_DAY);
        if (toupper((unsigned char)*reader.at) == 'T') {
            const char *time = ++reader.at;
            take_part(&reader, 'H', MS_PER_HOUR);
            take_part(&reader, 'M', MS_PER_MINUTE);
            take_part(&reader, 'S', MS_PER_SECOND);
            fine = reader.at != time;
        }
        fine = fine && reader.any && *reader.at == '\0';
    }
    if (!fine || reader.overflow || reader.ms == INT64_MIN) {
        errmsg_set(why, "Text cannot be parsed to a Duration%s", fine ? ": overflow" : "");
        return false;
    }
    *ms = reader.negative ? -reader.ms : reader.ms;
    return true;
}
