/*
 * The program `barnabas`: one table of commands. A command is chosen by the
 * first argument, or, when the program is called under the name of one of
 * Kafka's tools (kafka-topics.sh or kafka-topics, by symlink), by that name.
 */
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "cli/commands.h"
#include "cli/options.h"

struct command {
    const char *name;
    const char *tool; /* Kafka's name for it, without ".sh"; NULL = Kafka has none */
    const char *summary;
    int (*run)(int argc, char **argv);
};

static const struct command commands[] = {
    {"topics", "kafka-topics", "create, list, describe, alter and delete topics", topics_command},
    {"produce", "kafka-console-producer", "send lines of standard input as messages", produce_command},
    {"consume", "kafka-console-consumer", "print messages of a topic", consume_command},
    {"configs", "kafka-configs", "show and alter settings of topics and brokers", configs_command},
    {"dump-log", "kafka-dump-log", "print the files of a partition's directory", dump_log_command},
    {"log-dirs", "kafka-log-dirs", "show what each broker keeps in its log directories", log_dirs_command},
    {"get-offsets", "kafka-get-offsets", "show first, last or other offsets of partitions",
     get_offsets_command},
    {"delete-records", "kafka-delete-records", "delete the oldest messages of partitions",
     delete_records_command},
    {"groups", "kafka-consumer-groups", "list, describe and delete consumer groups, reset their offsets",
     groups_command},
    {"reassign", "kafka-reassign-partitions", "move partitions to other brokers", reassign_command},
    {"elect-leaders", "kafka-leader-election", "let partitions be led by their preferred replica, or by any",
     elect_leaders_command},
    {"api-versions", "kafka-broker-api-versions", "show which requests each broker serves",
     api_versions_command},
    {"verifiable-producer", "kafka-verifiable-producer",
     "send numbers, and tell as JSON which were acknowledged", verifiable_producer_command},
    {"verifiable-consumer", "kafka-verifiable-consumer",
     "read as a member of a group, and tell as JSON what happens", verifiable_consumer_command},
    {"zk", NULL, "check and print what brokers keep in ZooKeeper", zk_command},
};

static void print_commands(FILE *to)
{
    fputs("Usage: barnabas COMMAND [OPTION]...\n"
          "       barnabas help [COMMAND]\n"
          "\n"
          "The tools of a broker cluster, with the options and the output of Kafka's own\n"
          "where Kafka has them.\n"
          "\n"
          "Commands:\n",
          to);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        fprintf(to, "  %-19s %s", commands[i].name, commands[i].summary);
        if (commands[i].tool != NULL)
            fprintf(to, " (%s)", commands[i].tool);
        fputc('\n', to);
    }
    fputs("\n"
          "Called by the name in brackets, for example through a symbolic link\n"
          "kafka-topics.sh, the program is that tool.\n",
          to);
}

/* By the command's name or that of Kafka's tool, with or without ".sh". */
static const struct command *find_command(const char *name)
{
    size_t len = strlen(name);
    if (len > 3 && strcmp(name + len - 3, ".sh") == 0)
        len -= 3;
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        const struct command *command = &commands[i];
        if (strcmp(name, command->name) == 0 ||
            (command->tool != NULL && strlen(command->tool) == len && memcmp(name, command->tool, len) == 0))
            return command;
    }
    return NULL;
}

static int unknown_command(const char *name)
{
    fprintf(stderr, "barnabas: there is no command %s\n\n", name);
    print_commands(stderr);
    return 1;
}

static int help_command(int argc, char **argv)
{
    if (argc == 0) {
        print_commands(stdout);
        return 0;
    }
    const struct command *command = find_command(argv[0]);
    if (command == NULL)
        return unknown_command(argv[0]);
    char help[] = "--help";
    char *help_argv[] = {help, NULL};
    printf("%s: %s.", command->name, command->summary);
    if (command->tool != NULL)
        printf(" The same as %s.", command->tool);
    putchar('\n');
    fflush(stdout);
    command->run(1, help_argv);
    return 0;
}

static int run(int argc, char **argv)
{
    const char *slash = strrchr(argv[0], '/');
    const struct command *command = find_command(slash ? slash + 1 : argv[0]);
    if (command != NULL)
        return command->run(argc - 1, argv + 1);
    if (argc < 2) {
        print_commands(stderr);
        return 1;
    }
    if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return help_command(argc - 2, argv + 2);
    if (strcmp(argv[1], "--version") == 0)
        return options_print_version();
    command = find_command(argv[1]);
    return command ? command->run(argc - 2, argv + 2) : unknown_command(argv[1]);
}

int main(int argc, char **argv)
{
    if (argc < 1)
        return 1;
    /* A reader that goes away (`| head`) shows as a failed write. */
    signal(SIGPIPE, SIG_IGN);
    log_set_level(LOG_LEVEL_ERROR);
    int status = run(argc, argv);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "barnabas: cannot write to standard output\n");
        return status ? status : 1;
    }
    return status;
}
