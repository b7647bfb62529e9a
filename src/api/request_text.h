/*
 * Text of a request on its way to what ends a text with a zero byte: the controller, ZooKeeper, files.
 *
 * Runs on: the loop of the request.
 */
#ifndef BARNABAS_API_REQUEST_TEXT_H
#define BARNABAS_API_REQUEST_TEXT_H

#include "api/api.h"

/*
 * A topic's name in the request's arena; a null one is NULL. A zero byte, which would make another topic's
 * name of it, becomes '?', which no topic's name has: such a topic is invalid, or unknown.
 */
const char *request_topic_name(const struct api_call *call, struct view name);

/* True when a znode can hold it: it is UTF-8 without zero bytes. A null text can be held. */
bool request_text_is_storable(struct view text);

#endif
