/*
 * Prints docs/monitoring.md from the table of metrics.
 */
#include <stdio.h>
#include <string.h>

#include "metrics/metric_table.h"

static const char HEAD[] =
    "# Monitoring\n"
    "\n"
    "<!-- Made from src/metrics/metrics.def by `make update-metrics-docs`; do not edit. -->\n"
    "\n"
    "A broker answers HTTP on `barnabas.metrics.listener` (`host:port`; off unless it is set). The listener "
    "has\n"
    "no login: bind it to an address that only your monitoring reaches.\n"
    "\n"
    "| path | what it answers |\n"
    "|---|---|\n"
    "| `/metrics` | every metric below, in the text format of Prometheus |\n"
    "| `/metrics?partitions=no` | the same without the rows of single partitions: on a broker with many "
    "thousand "
    "partitions they are most of the answer |\n"
    "| `/healthz` | 200 while every thread does its turns and every log directory works, else 503 and the "
    "reason. "
    "For a supervisor that restarts what hangs |\n"
    "| `/readyz` | 200 when the broker is registered in ZooKeeper, its logs are loaded and it takes "
    "requests, else "
    "503 and the reason. For a load balancer, or a roll-out that waits |\n"
    "\n"
    "Names are those that the Prometheus JMX exporter's example rules give to the beans of Kafka, so that\n"
    "dashboards and alerts made for Kafka work unchanged: a meter is a counter that ends in `_total` (apply\n"
    "`rate()`), a histogram or timer is a name with the label `quantile` and one with `_count`. Quantiles "
    "are of\n"
    "the last minutes, not of all time. What Kafka has no bean for is called `barnabas_*`.\n"
    "\n"
    "```yaml\n"
    "scrape_configs:\n"
    "  - job_name: barnabas\n"
    "    static_configs:\n"
    "      - targets: ['127.0.0.1:9404']\n"
    "```\n"
    "\n"
    "Worth an alert: `kafka_server_replicamanager_underreplicatedpartitions > 0` for minutes;\n"
    "`kafka_server_replicamanager_underminisrpartitioncount > 0` (acks=all is refused) and\n"
    "`kafka_controller_kafkacontroller_offlinepartitionscount > 0` (nobody leads) at once;\n"
    "`barnabas_controller_partitions_kept_offline > 0` at once ([durability](durability.md) says what to "
    "do);\n"
    "`sum(kafka_controller_kafkacontroller_activecontrollercount) != 1`;\n"
    "`kafka_log_logmanager_offlinelogdirectorycount > 0`; "
    "`sum(kafka_log_logcleanermanager_uncleanable_partitions_count) > 0` (a log grows for ever);\n"
    "`kafka_server_kafkaserver_brokerstate != 3`; any "
    "increase "
    "of\n"
    "`kafka_server_sessionexpirelistener_zookeeperexpires_total` or `barnabas_loop_stalled_seconds_total`.\n";

static const char *const KINDS[] = {
    [METRIC_COUNTER] = "counter", [METRIC_GAUGE] = "gauge", [METRIC_SUMMARY] = "quantiles and count"};

static void print_row(enum metric id)
{
    const struct metric_info *info = metric_info(id);
    printf("| `%s` | %s | ", info->name, KINDS[info->kind]);
    if (info->kept == METRIC_KEPT_TOPIC)
        fputs("`topic`, or none: the sum", stdout);
    else
        for (const char *at = info->labels; *at; at += *at == ',') {
            size_t len = strcspn(at, ",");
            printf("%s`%.*s`", at == info->labels ? "" : ", ", (int)len, at);
            at += len;
        }
    printf(" | %s |\n", *info->help ? info->help : "as above");
}

int main(void)
{
    fputs(HEAD, stdout);
    for (int i = 0; i < METRIC_COUNT; i++) {
        const char *heading = metric_heading((enum metric)i);
        if (heading)
            printf("\n## %s\n\n| name | kind | labels | meaning |\n|---|---|---|---|\n", heading);
        print_row((enum metric)i);
    }
    return fflush(stdout) == 0 ? 0 : 1;
}
