/*
 * The commands of the program `barnabas`, one function each. The table in
 * main.c names them; a command is added there and in a file of its own.
 *
 * Runs on: the main thread.
 */
#ifndef BARNABAS_CLI_COMMANDS_H
#define BARNABAS_CLI_COMMANDS_H

/*
 * Every command gets its own arguments only (argv[0] is the first of them) and returns the program's
 * exit status. `--help` is the command's own matter.
 */
int topics_command(int argc, char **argv);
int produce_command(int argc, char **argv);
int consume_command(int argc, char **argv);
int configs_command(int argc, char **argv);
int dump_log_command(int argc, char **argv);
int log_dirs_command(int argc, char **argv);
int get_offsets_command(int argc, char **argv);
int delete_records_command(int argc, char **argv);
int groups_command(int argc, char **argv);
int reassign_command(int argc, char **argv);
int elect_leaders_command(int argc, char **argv);
int api_versions_command(int argc, char **argv);
int verifiable_producer_command(int argc, char **argv);
int verifiable_consumer_command(int argc, char **argv);
int zk_command(int argc, char **argv);

#endif
