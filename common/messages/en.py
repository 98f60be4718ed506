"""The texts in English, by code: the same codes and gaps as in zh.py."""

TEXTS: dict[str, str] = {
    # The envelope: the message of every success, and of each HTTP status.
    "not_implemented": "not supported",
    "bad_gateway": "bad gateway",
    "success": "success",
    "bad_request": "invalid request",
    "unauthorized": "unauthorized",
    "forbidden": "forbidden",
    "not_found": "not found",
    "method_not_allowed": "method not allowed",
    "conflict": "conflict",
    "content_too_large": "request body too large",
    "range_not_satisfiable": "range not satisfiable",
    "backup_content_invalid": "invalid backup content",
    "too_many_requests": "too many requests",
    "internal_error": "internal error",
    "service_unavailable": "service unavailable",
    "timeout": "timeout",
    "storage_full": "storage full",
    # Forms that hold other messages.
    "about": "{reason}: {subject}",
    "at_line": "{file} line {line}: {reason}",
    "at_column": "{file} line {line} column {column}: {reason}",
    "in_column": "{file} column {column}: {reason}",
    "nothing_changed_because": "{reason}: {tables}; nothing was changed",
    "rows_of_table": "{rows} rows of {table}",
    "none": "none",
    # Requests: the body, the query, the headers.
    "body_too_large": "the request body is over the size limit",
    "request_malformed": "the request is malformed",
    "body_not_json": "the request body is not valid JSON",
    "body_not_an_object": "the request body must be a JSON object",
    "body_not_multipart": "the request body is not valid multipart/form-data",
    "body_field_twice": "the request body has a field twice: {field}",
    "query_param_unknown": "unknown query parameter: {field}",
    "query_param_twice": "query parameter given twice: {field}",
    "resource_missing": "there is no such resource",
    "method_unsupported": "this resource does not support the request's method",
    "idempotency_key_invalid": "invalid Idempotency-Key: it must be 1 to 255 visible ASCII characters",
    "params_missing": "missing required parameters: {names}",
    "param_invalid": "invalid parameter {field}: {reason}",
    "param_unknown": "invalid parameter {field}: there is no such parameter",
    "param_malformed": "invalid parameter {name}: wrong format",
    "param_limit_out_of_range": "invalid parameter limit: it must be an integer from 1 to {most}",
    "param_global_only_not_boolean": "invalid parameter global_only: it must be true or false",
    "form_holds_a_field": "invalid parameter: the form may hold files only",
    "value_extra": "there is no such parameter",
    "value_not_boolean": "it must be a boolean",
    "value_not_a_string": "it must be a string",
    "value_not_an_array": "it must be an array",
    "value_not_an_integer": "it must be an integer",
    "value_out_of_range": "out of range",
    "value_unsupported": "unsupported value; supported: {supported}",
    "value_empty": "it must not be empty",
    "value_too_long": "too long",
    "value_invalid": "invalid value",
    "params_clash": "{first} and {second} clash: {reason}",
    "params_clash_two_databases": "pg_conn and db_connection clash: only one of them may be given",
    "params_clash_truncating_some_collections": (
        "collections and truncate_vector_tables clash: emptying removes collections that are not backed up"
    ),
    "clash_sync_does_not_empty": "sync does not empty the tables",
    "clash_sync_is_atomic": "sync is always atomic",
    "clash_swap_does_not_empty": "a swap puts new tables in place and empties none first",
    "clash_swap_is_atomic": "a swap is always atomic",
    "clash_swap_takes_whole_tables": "a swap exchanges whole tables",
    "clash_swap_does_not_merge": "a swap makes the tables equal to the backup and merges nothing",
    "clash_replace_is_atomic": "a replace is always atomic",
    "clash_merge_is_atomic": "a merge is always atomic",
    "clash_copy_is_atomic": "a restore as new collections is always atomic",
    "clash_nothing_to_merge_with": "no row is left to conflict with after emptying",
    "clash_sync_does_not_merge": "sync makes the tables equal to the backup and merges nothing",
    "clash_copy_does_not_merge": "new collections are not merged with those that are there",
    "clash_two_choices_of_rows": "rows are chosen in one way or in the other",
    "clash_copy_leaves_the_original": "the original collections stay as they are",
    "clash_copy_needs_both_tables": "new collections need both tables",
    "collections_repeated": "invalid collections: a name is repeated",
    "storages_repeated": "invalid storages: a name is repeated",
    "timestamp_invalid": "invalid timestamp: the format is YYYYMMDD_HHMMSS",
    "tables_invalid": "invalid tables: only {supported} are supported, each once",
    "tables_repeated": "tables names one twice",
    "tables_too_many": "too many tables: {count}; at most {most}",
    "table_name_ambiguous": "the table name {table} is ambiguous; it could mean: {tables}",
    "layout_without_field": "the layout {layout} has no {field}",
    "set_of_another_layout": "the layout of this backup set is {layout}",
    "task_id_invalid": "invalid task_id: only letters, digits and underscores are allowed",
    "backup_path_invalid": "invalid backup_path: it must be a relative directory under ./{root}/",
    "dialect_not_open": "invalid parameter dialect: the set has a manifest, which says how its files are read",
    "store_backup_complete": "backup of {family} complete",
    "store_backup_partial": "backup of {family} complete, but some storages failed",
    "objects_backup_failed": "the backup of objects failed",
    "objects_restore_failed": "the restore of objects failed",
    "objects_restored": "objects restored",
    "objects_restore_planned": "restore of objects rehearsed; nothing was changed",
    "objects_changed_meanwhile": "{count} objects changed while the backup was taken",
    "objects_without_tags": "this server has no tags of objects",
    "objects_kept": "{count} objects differ from the backup and were left as they are",
    "objects_made_meanwhile": "another client made an object of the same key during the restore",
    "objects_not_as_written": "an object that was written reads back otherwise",
    "objects_in_progress": "another restore of this target is at work",
    "objects_not_noted": "without the job queue, a restore that is killed is not finished by itself",
    "objects_not_undone": "the operation was ended, and what it had changed could not all be undone",
    "objects_metadata_invalid": "an object's metadata have characters that no header can hold",
    "objects_key_too_long": "an object's key is too long below this prefix",
    "objects_set_is_limited": "this set has only objects whose key begins with {prefix}",
    "objects_target_holds_backups": "this target overlaps the storage {storage}, which holds backups",
    "stack_unknown": "this stack is not configured; configured stacks: {stacks}",
    "stack_member_unknown": "this stack has no member {role}; its members: {members}",
    "stack_member_unsupported": "the member {role} is one of {family}, which this version can't back up and restore",
    "stack_member_not_beside": "the member {role} is one of {family}, which can't be restored beside the original",
    "stack_member_differs": "the backup set of the member {role} is not the one that the stack's backup was made with",
    "stack_set_lacks_member": "this set has no member {role}",
    "stack_backup_complete": "backup of the stack complete",
    "stack_backup_partial": "backup of the stack complete, but some storages failed",
    "stack_backup_failed": "the backup of the stack failed",
    "stack_restored": "stack restored",
    "stack_restore_partial": "stack restored in part: the restore of some members failed",
    "stack_restore_planned": "restore of the stack rehearsed; nothing was changed",
    "stack_restore_failed": "the restore of the stack failed",
    "stack_verified": "the stack's backup set is verified",
    "stack_compared_same": "every member that can be compared holds what the set has",
    "stack_compared_different": "members hold something else than the set",
    "stack_member_not_compared": "a whole database can't be compared with its backup",
    "stack_drilled": "every member that can be drilled is proven",
    "stack_drilled_not_proven": "the drills are done, but they don't prove every member",
    "stack_uploaded": "the stack's backup set is uploaded",
    "stacks_listed": "{count} stacks",
    "stack_sets_listed": "{count} sets of the stack",
    "members_repeated": "members names a member twice",
    "of_member": "{role}: {text}",
    "set_of_a_store": "this backup set is one of {layout}: its routes are those of that store",
    "set_of_tables": "this backup set is one of PostgreSQL tables: restore it by POST /restore",
    "store_unknown": "this target of {family} is not configured; configured targets: {targets}",
    "target_of_a_store": "the target {name} is not a PostgreSQL database",
    "store_unsupported": "this version does not support {family}",
    "store_url_invalid": "invalid URL of a target: wrong form or options; special characters must be percent-encoded",
    "store_file_by_environment": "a file of this machine can only be configured by the environment, in TARGETS",
    "store_bucket_needs_a_key": "a bucket needs a key of its own in its URL: s3://key:secret@bucket/prefix",
    "extra_missing": 'this needs {package}: pip install -r {file}, or pip install "vector-backup[{extra}]"',
    "target_unknown": "this target is not configured; configured targets: {targets}",
    "storage_not_mounted": (
        "the storage's directory is not the one that was set up: {path}: not mounted? "
        "If a new directory is meant, make an empty file {mark} in it"
    ),
    "storage_unknown": "this storage is not configured; configured storages: {storages}",
    "nothing_to_do": "backup_vector_tables and truncate_vector_tables are both false: there is nothing to do",
    "task_directory_missing": "the task's directory does not exist: {task_id}",
    # Access: tokens, sessions, limits.
    "token_wrong": "the token is missing or wrong",
    "csrf_token_wrong": "the CSRF token is missing or wrong",
    "read_token_cannot_download": "a read-only token cannot download backups",
    "read_token_cannot_write": "a read-only token cannot write",
    "host_header_not_allowed": "this Host header is not allowed",
    "cross_site_request": "cross-site requests are not allowed",
    "too_many_attempts": "too many failed attempts; try again in {seconds} seconds",
    "too_many_operations": "too many backups and restores are running; try again later",
    "too_many_downloads": "too many downloads are running; try again later",
    "too_many_event_streams": "too many event streams; try again later",
    "no_sign_in_needed": "no token is configured, so no sign-in is needed",
    "signed_in": "signed in",
    "signed_out": "signed out",
    "session_shown": "session",
    "not_signed_in": "not signed in",
    # Users, their passwords, sessions and tokens.
    "password_wrong": "the name or the password is wrong",
    "sign_in_two_ways": "token doesn't go together with name and password",
    "role_not_permitted": "your role ({role}) may not do this",
    "no_account": "a token of the environment has no account",
    "session_needed": "only a session may do this, not a token",
    "operator_target_closed": "operators may not restore into this database; an admin may, or its target must allow it",
    "users_need_a_token": "without a token all clients of this machine may do everything; set API_TOKEN first",
    "users_without_a_token": "no API_TOKEN here: a service with the same settings asks for no sign-in",
    "users_listed": "{count} users",
    "user_created": "the user was created",
    "user_changed": "the user was changed",
    "user_deleted": "the user was deleted",
    "user_exists": "there is a user of this name: {name}",
    "user_unknown": "there is no such user: {name}",
    "user_name_invalid": "a user name has at most 64 lower-case letters, digits and . _ @ -, a letter or digit first",
    "last_admin": "{name} is the last admin who can sign in",
    "first_link_wrong": "the link is wrong, too old, or used already",
    "current_password_wrong": "the current password is wrong",
    "password_too_short": "a password has at least {least} characters",
    "password_easily_guessed": "this password is easily guessed",
    "password_changed": "the password was changed",
    "sessions_ended": "every session has ended",
    "account_shown": "the account",
    "tokens_listed": "{count} tokens",
    "token_created": "the token was created; it is shown this once",
    "token_deleted": "the token was deleted",
    "token_exists": "there is a token of this name: {name}",
    "token_unknown": "there is no such token: {name}",
    "audit_listed": "{count} entries of the audit log",
    # The service: health, configuration.
    "service_alive": "the service is running",
    "service_ready": "the service is ready",
    "service_not_ready": "the service is not ready",
    "service_stopping": "the service is stopping",
    "settings_shown": "configuration of the service",
    "parser_died": "a parser process ended unexpectedly; try again",
    # Jobs.
    "jobs_listed": "jobs: {count}",
    "job_shown": "job",
    "job_submitted": "job submitted",
    "job_cancelled": "job cancelled",
    "job_being_cancelled": "job is being cancelled",
    "job_missing": "there is no such job",
    "job_finished": "the job has ended and cannot be cancelled",
    "job_queue_unavailable": "the job queue is unavailable; try again later",
    "job_needs_a_named_target": (
        "the database of an asynchronous job must be named in TARGETS: passwords are not handed to other processes"
    ),
    "job_database_differs": (
        "the process that runs the job is configured with another database than the one it was submitted for; "
        "nothing was changed"
    ),
    "job_of_a_newer_version": (
        "the job was submitted by a newer version of the service and cannot be run by this one; nothing was changed"
    ),
    "idempotency_key_reused": "this Idempotency-Key was used for another request",
    "idempotency_key_running": "a request with the same Idempotency-Key is running",
    "operation_cancelled": "the operation was cancelled, all changes are rolled back",
    "operation_interrupted": "the process that ran the operation has ended, uncommitted changes are rolled back",
    # Backup sets: listing, verifying, copying, upload, download.
    "collections_listed": "{count} collections",
    "backups_found_but_some_unreadable": "{found}; {unreadable} locations cannot be read",
    "tables_found": "{tables} tables found, {vectors} of them with vector columns",
    "backups_found": "found {sets} backup sets in {locations} locations",
    "backups_not_found": "no backup was found",
    "listing_failed": "listing the backups failed",
    "set_shown": "backup set",
    "set_deleted": "backup set deleted",
    "set_verified": "the backup set is intact",
    "set_parsed_unvouched": "the files can be parsed, but no manifest vouches for them",
    "set_copied": "backup set copied",
    "set_copied_before": "the target storage already has the same backup set",
    "set_differs_in_storage": "the target storage has a different backup set: {path} {timestamp}",
    "bulk_done": "all {n} sets are done",
    "bulk_done_in_part": "done in part: {failed} of the sets failed",
    "bulk_set_failed": "{set}: {reason}",
    "bulk_set_missing": "there is no such backup set: {path} {timestamp}",
    "bulk_set_repeated": "sets names a backup set twice",
    "bulk_to_without_copy": "invalid to: only copy has a storage to copy to",
    "set_already_in_storage": "to and storage are the same: the backup set is already there",
    "set_without_manifest": "the backup set has no manifest: {path}",
    "manifest_missing": "there is no manifest",
    "stored_content_differs": "what was read back from the storage differs from what was written",
    "set_uploaded": "backup set uploaded",
    "upload_unfit": "the uploaded backup set is invalid: {reason}",
    "upload_file_unnamed": "the uploaded backup set is invalid: a file has no name",
    "file_unnamed": "a file has no name",
    "file_name_unfit": "a file name does not belong to a backup set, or comes twice",
    "set_incomplete": "the backup set is incomplete: the collection file and the embedding file are needed",
    "files_of_different_sets": "the files belong to different backup sets",
    "upload_incomplete": "the upload is incomplete",
    "upload_not_a_tar": "the upload is not a valid tar",
    "not_a_tar": "not a valid tar",
    "tar_cut_short": "the tar ends here too early",
    "tar_extension_unsupported": "the tar has unsupported extension headers",
    "extension_unsupported": "unsupported extension header",
    "tar_holds_more_than_files": "the tar may hold ordinary files only",
    "not_a_regular_file": "not an ordinary file",
    "tar_data_after_end": "data follows the end of the tar",
    "range_behind_end": "the range is behind the end of the file",
    # The manifest.
    "manifest_value_invalid": "the manifest is damaged: {name}, the value of {key} is invalid",
    "manifest_too_large": "the manifest is too large",
    "manifest_file_too_large": "the manifest is too large: {path}",
    "manifest_damaged": "the manifest is damaged",
    "manifest_file_damaged": "the manifest is damaged: {name}",
    "manifest_version_newer": (
        "the manifest {name} is of format version {version}, this service knows up to {known}; use a newer service"
    ),
    "manifest_version_not_known": "the manifest's format version is newer than this service",
    "manifest_layout_unknown": "this service does not know the layout {layout} of the manifest {name}",
    "manifest_layout_not_known": "the manifest's layout is not supported",
    "manifest_lacks_file": "the manifest does not have this file",
    "manifest_lacks_the_file": "the manifest does not have this file: {name}",
    "size_differs": "the size of the file differs from the manifest",
    "file_size_differs": "the size of the file differs from the manifest: {name}",
    "manifest_lacks_tables": "the manifest lacks tables: {tables}",
    "manifest_name_invalid": "a column, index or foreign key of {table} has an invalid name in the manifest",
    "manifest_key_without_column": "a key of {table} names a column that the manifest does not have",
    # Storage: directories and buckets.
    "bucket_lacks_conditions": (
        "the object storage does not support conditional writes (If-None-Match, If-Match), "
        "so backups are not safe there"
    ),
    "disk_failed": "reading or writing the disk failed",
    "too_many_open_files": "too many open files",
    "file_system_read_only": "the file system is read-only",
    "no_permission": "the service lacks the permission",
    "backup_file_missing": "the backup file does not exist: {path}",
    "backup_file_changed": "the backup file was changed while it was read: {path}",
    "backup_directory_missing": "the backup directory does not exist: {path}",
    "neither_file_nor_directory": "not an ordinary file or directory: {path}",
    "backup_storage_unwritable": "the backup storage cannot be written: {path}",
    "upload_storage_full": "there is no room for the upload on the disk of the service",
    "backup_storage_full": "the backup storage is full",
    "set_exists": "a backup set has this timestamp already",
    "set_in_use": "the backup set is in use",
    "set_being_deleted": "the backup set is being deleted",
    "set_lease_lost": "the lease on the backup set has expired; try again",
    "set_written_by_another": "another process has written the backup set",
    "backup_log_busy": "another process is writing the backup log",
    "bucket_missing": "the bucket does not exist",
    "bucket_access_denied": "the service has no permission to access the object storage",
    "bucket_full": "the object storage is full",
    "bucket_unavailable": "the object storage is unavailable, or the connection broke",
    # Backup.
    "text_not_utf8": "the text of {column} is not UTF-8",
    "backup_text_not_utf8": "a table has text that UTF-8 cannot represent, so it cannot be backed up",
    "backup_constraint_violated": (
        "{count} rows of {table} violate the constraint {constraint}; "
        "this backup cannot be restored into its own tables"
    ),
    "backup_constraint_unverified": (
        "the constraint {constraint} of {table} was never validated and cannot be checked; "
        "this backup may not restore into its own tables"
    ),
    "backup_index_violated": (
        "{count} rows of {table} stand twice in the unique index {index}; "
        "this backup cannot be restored into its own tables"
    ),
    "backup_index_unverified": (
        "the index {index} of {table} is invalid and cannot be checked; this backup may not restore into its own tables"
    ),
    "backup_row_impossible": "the row of {table} whose {columns} is {key} cannot be backed up: {reason}",
    "row_over_message": "the row is over 1 GB, PostgreSQL's limit for one message",
    "field_over_setting": "column {column} is over {megabytes} MB (LARGEST_FIELD_MB)",
    "backup_nothing_changed": "{reason}; nothing was changed",
    "backup_complete": "the backup of the vector tables is complete",
    "backup_partial": "the backup is complete in part: some storages failed",
    "backup_failed": "the backup of the vector tables failed",
    "backup_to_storage_failed": "the backup to storage {storage} failed",
    "backup_row_count_differs": "the rows written differ from those in the database: {table}",
    "backup_log_unwritten": "the backup log could not be written: {path}",
    "probes_need_vector_column": "the column embedding is not of type vector: no searches were remembered",
    "probes_need_a_column": "no column of type vector or halfvec could be searched: no searches were remembered",
    "probes_not_of_column": (
        "no searches of {column} were remembered: they need the type vector or halfvec, and a key of one column"
    ),
    "probes_need_all_rows": "no searches were remembered: the backup is of chosen rows only",
    "probes_incomplete": "not all searches could be done; those that were are kept",
    "log_backed_up": "succeeded {files}",
    "log_file": "{file} {rows} rows {size}",
    "log_failed": "failed {error_type}: {reason}",
    "log_cancelled": "cancelled",
    "log_safety_backup": "{time} backup before a restore {timestamp}",
    # Restore.
    "restore_complete": "the restore of the vector tables is complete",
    "restore_partial": "the restore is complete in part: some tables failed",
    "restore_failed": "the restore of the vector tables failed",
    "restore_of_table_failed": "the restore of {table} failed",
    "file_reading_failed": "reading the file failed",
    "data_import_failed": "importing the data failed",
    "restore_of_some_rows": "the set holds chosen rows only; the others stay as they are",
    "restore_of_some_collections": "the set holds some collections only; the others stay as they are",
    "restore_unvouched": "the backup has no manifest, so nothing vouches for it being whole",
    "restore_by_text": "{file} has columns of other types and was loaded as text, which is slower",
    "restore_left_out_orphans": "{rows} embeddings are in no collection and were not restored",
    "sequence_set": "the sequence {sequence} now continues after {value}, the last value of {table}.{column}",
    "sequence_not_set": "no right to read and set the sequence {sequence}: the next value of {table}.{column} "
    "may be that of a restored row",
    "restore_row_count_differs": "the number of rows after the restore is wrong: {table}",
    "others_advised": "{refusal}; {ways} would work",
    "collections_unknown": "no collection is called {unknown}; there are: {present}",
    "collections_renamed": (
        "the chosen collections of the backup are called {names} in the target database; nothing was changed; "
        "name them in collections as well, or restore them as new collections with collection_suffix"
    ),
    "collections_not_in_target": "the chosen collections are not in the target database; restore both tables together",
    "collections_taken": "collection names are taken: {names}; nothing was changed; choose another collection_suffix",
    "collections_absent": "the backup has no collections",
    "collections_still_referenced": (
        "embeddings still refer to collections that the backup does not have; nothing was changed"
    ),
    "orphan_embeddings": "there are embeddings in no collection",
    "cmetadata_converted": "{file}: cmetadata of {rows} rows was converted from json to jsonb",
    "ids_from_custom_id": "{file}: custom_id became the id of {rows} rows",
    "ids_from_uuid": "{file}: {rows} rows have no unique custom_id, and uuid became their id",
    "indexes_kept_without_create": (
        "the database role lacks CREATE on the schema {schema}, so indexes and foreign keys were not dropped and "
        "rebuilt; the restore is slower"
    ),
    "indexes_kept": (
        "the database role does not own the tables, so indexes and the foreign key were not dropped and rebuilt; "
        "the restore is slower"
    ),
    "index_rebuilt_differently": "the rebuilt index differs from its definition before: {index}",
    "column_value_not_created": "the default or expression of the column {column} of {table} could not be created",
    "table_part_not_created": "create_tables does not make this part of {table}, or not as it was: {name}",
    "index_or_key_not_created": "an index or foreign key of the backup could not be created: {name}",
    # The dry run of a restore.
    "dry_run_without_problems": "dry run complete, no problem found, nothing was changed",
    "dry_run_with_problems": "dry run complete, problems found: {count}; nothing was changed",
    "dry_run_basis": (
        "the time to write is measured by loading temporary tables now; the time for indexes is extrapolated from "
        "samples of 500 and 2000 rows on one core, a rough estimate"
    ),
    # The search check after a restore.
    "search_check_incomplete": "the search check could not be completed; the restore itself is not affected",
    "search_check_neighbours_differ": "search check: the exact nearest neighbours differ from those at the backup",
    "search_check_index_gone": (
        "search check: searches used a vector index at the backup, and no vector index can be used now"
    ),
    "search_check_recall_fell": "search check: the recall fell from {before} to {now}",
    # Triggers and rules.
    "triggers_not_fired": (
        "a swap loads new tables without firing the triggers of {table}, which are there again afterwards: {triggers}"
    ),
    "swap_needs_owner": "a swap needs the owner of the table or view: {table}",
    "swap_cannot_carry": "a swap can't give these to a new table: {objects}; nothing was changed",
    "swap_in_the_way": (
        "waiting for a lock timed out when the new tables were to take their place; nothing was changed. "
        "The sessions that use the tables: {pids}"
    ),
    "swap_cancelled_statements": (
        "{count} statements of other sessions were cancelled, which held the tables and waited for this restore"
    ),
    "triggers_disabled": (
        "triggers and rules of {table} are disabled during the restore and restored before its commit: {triggers}"
    ),
    "triggers_enabled": (
        "{table} has enabled triggers or rules, so each row written is compared with the backup: {triggers}"
    ),
    "triggers_uncounted": (
        "the database has track_counts off, so which rows triggers and rules changed cannot be told; "
        "nothing was changed; triggers: disable can be used"
    ),
    "triggers_changed_rows": "triggers or rules changed {rows} rows of {table}; nothing was changed",
    "named_triggers_changed_rows": "triggers or rules changed {rows} rows of {table}; nothing was changed: {triggers}",
    "triggers_wrote_elsewhere": "triggers or rules wrote rows to other tables: {tables}",
    "triggers_changed_elsewhere": "triggers or rules changed rows of other tables: {tables}; nothing was changed",
    "triggers_need_owner": "disabling triggers needs the owner of the table: {table}",
    # Comparing.
    "compared_identical": "compared: the contents are identical",
    "compared_different": "compared: there are differences",
    "compare_failed": "comparing the backup failed",
    "compare_left_out_columns": "columns that the backup does not have were not compared: {columns}",
    "compare_columns_differ": "the two backups have different columns in {table}: {columns}",
    "compare_tables_differ": "the two backup sets have different tables: {tables}",
    "compare_backup_repeats_ids": "the backup repeats ids, so its rows cannot be compared one by one",
    "compare_other_side_repeats_ids": "the other side repeats ids, so its rows cannot be compared one by one",
    # Formats: csv and binary files, their values.
    "field_over_limit": "a field is over {megabytes} MB",
    "file_empty": "the file is empty",
    "file_is_utf16": "the file is encoded in UTF-16; save it as CSV in UTF-8",
    "file_is_gzip": "the file is compressed with gzip; decompress it first",
    "file_is_zip": "the file is a zip archive or a spreadsheet; save it as CSV in UTF-8",
    "file_not_utf8": "the file is not valid UTF-8",
    "file_without_rows": "the file has no rows",
    "file_cut_short": "the file ends here too early",
    "header_missing": "there is no header row",
    "header_not_names": "the first row does not hold column names",
    "header_with_semicolons": "the columns are separated by semicolons; save the file as comma-separated CSV",
    "header_with_tabs": "the columns are separated by tabs; save the file as comma-separated CSV",
    "file_is_html": "the file is an HTML or XML page, not a CSV",
    "file_is_json": "the file is JSON, not a CSV",
    "file_is_compressed": "the file is compressed with {method}; decompress it first",
    "file_is_a_dump": "the file is a dump of a database (pg_dump), not a table's CSV",
    "header_repeats_names": "a column name is repeated",
    "record_line_end_differs": "a line end outside of quotes differs from the header's",
    "record_width_differs": "the record has {found} fields, the header {expected} columns",
    "record_quote_open": "a quote is not closed",
    "record_too_long": "the record is too long, or a quote is not closed",
    "not_utf8": "not valid UTF-8",
    "holds_nul": "it holds a NUL character",
    "block_rows_differ": "the number of rows in a block differs from the manifest",
    "block_checksum_differs": "the checksum of a block differs from the manifest: the file is damaged",
    "frame_size_differs": "a compressed block has another size than the manifest says",
    "frame_damaged": "a compressed block is damaged and can't be decompressed",
    "compressed_needs_manifest": "a compressed backup without its manifest can't be restored: run zstd -d on it first",
    "block_seal_broken": "the seal of a block doesn't hold: it was changed, or belongs elsewhere",
    "seal_broken": "the seal doesn't hold: the content was changed",
    "sealed_manifest_damaged": "the manifest of an encrypted backup is damaged or was changed: {name}",
    "encrypted_needs_manifest": "an encrypted backup can't be decrypted without its manifest",
    "encryption_key_missing": (
        "the backup is encrypted ({name}), and its key {id} is not configured: add it to "
        "BACKUP_ENCRYPTION_KEY; if that key is lost, so is the backup"
    ),
    "passphrase_missing": (
        "the backup is encrypted with a passphrase ({name}): set BACKUP_ENCRYPTION_PASSPHRASE; if it is "
        "lost, so is the backup"
    ),
    "passphrase_wrong": (
        "the backup is encrypted ({name}), and BACKUP_ENCRYPTION_PASSPHRASE has another passphrase, or "
        "its key is damaged"
    ),
    "doctor_encrypted": "new backups are encrypted, with the key {key}",
    "doctor_not_encrypted": "new backups are not encrypted (BACKUP_ENCRYPTION_KEY is not set)",
    "doctor_keys_missing": "some backups need keys that are not configured, and can't be restored: {keys}",
    "rewrap_needs_a_key": "neither BACKUP_ENCRYPTION_KEY nor BACKUP_ENCRYPTION_PASSPHRASE is set",
    "rewrapped": "keys changed: {rewrapped} backups have the new key now, {current} had it before, {failed} failed",
    "binary_signature_missing": "not a binary backup of PostgreSQL",
    "binary_header_unknown": "the header of the binary backup is unknown",
    "binary_column_count_differs": "the number of columns in the binary data is wrong",
    "binary_length_differs": "the length of the binary data is wrong",
    "binary_needs_manifest": "the binary backup lacks its manifest",
    "not_a_uuid": "not a valid UUID",
    "collection_of_row_missing": "the row's collection does not exist",
    "not_json": "neither valid JSON nor a Python literal",
    "json_holds_nul": (
        'the JSON has the character U+0000, which jsonb cannot hold; restore with "strip_nul": true to drop it'
    ),
    "json_nul_stripped": (
        "{table}: the character U+0000 was dropped from the JSON of {rows} rows, because jsonb cannot hold it"
    ),
    "json_not_finite": "JSON cannot represent NaN or infinity",
    "json_too_deep": "the JSON is nested too deeply",
    "surrogate_unpaired": "it holds an unpaired surrogate",
    "vector_dimensions_differ": "the vector has {found} dimensions, expected are {expected}",
    "vector_abbreviated": (
        "the vector's data was lost when the file was written (numpy's abbreviated form) and cannot be restored"
    ),
    "vector_invalid": "not a valid vector",
    "vector_not_finite": "the vector has NaN, infinity, or a number out of float4's range",
    "vector_too_long": "the vector has more than {most} dimensions",
    "halfvec_not_finite": "the vector has numbers beyond the range of halfvec",
    "sparsevec_invalid": "not a valid sparse vector",
    "value_malformed": "not a binary value of type {type}",
    # Dialects: what wrote a csv file.
    "dialect_ambiguous": (
        "{table}: the content does not tell whether COPY or Python wrote the file; by its line ends it was taken for "
        '{writer}\'s; {count} empty documents were read as {meaning}; if that is wrong, give "dialect": "{other}"'
    ),
    "empty_string": "empty strings",
    "dialects_mixed": "the contents of the set were written by different programs",
    "dialect_found": "{file} line {line} column {column} was written by {writer}",
    # The target database: its URL and its connection.
    "pg_conn_invalid": "invalid pg_conn: {reason}",
    "url_length_or_characters": "its length or characters are invalid",
    "url_scheme": "it must begin with postgresql://, or be a name from TARGETS",
    "url_host_or_port": "the host or the port is invalid",
    "url_host_port_or_database": "the host, the port or the database name is invalid",
    "url_host": "the host is invalid",
    "url_host_missing": "one host name or IP address must be given",
    "url_database": "the database name is invalid",
    "url_part_not_utf8": "{part} is not valid UTF-8",
    "url_part_characters": "{part} has invalid characters",
    "url_user_missing": "a user name must be given",
    "url_unencoded": (
        "#, /, ?, [ and ] in a user name or password must be percent-encoded: %23, %2F, %3F, %5B and %5D"
    ),
    "url_socket": "the socket directory is invalid: it must be an absolute path, with no host beside it",
    "url_schema": "the schema is invalid",
    "url_two_schemas": "two different schemas are given",
    "url_sslrootcert_unused": "sslrootcert needs sslmode=verify-full, verify-ca or require",
    "url_options": "the name or the encoding of an option is invalid",
    "url_option_unsupported": "the option {option} is not supported",
    "url_option_value": "the option {option} has an invalid value; it must be {allowed}",
    "url_option_twice": "the option {option} is given twice",
    "url_option_ignored": "{option} in the connection string is for a pooler or another driver and was ignored",
    "database_host_not_allowed": (
        "connecting to this database host is not allowed; ask the administrator to add it to PG_CONN_ALLOWED_HOSTS"
    ),
    "database_not_expected": "the connected database is not the one that expect_database names; nothing was changed",
    "connection_failed": "connecting to the database failed; check the connection settings",
    "connection_lost": "the connection to the database broke",
    "connection_lost_at_commit": "the connection broke at the commit, all changes are rolled back",
    "commit_outcome_unknown": (
        "the connection broke at the commit and its outcome is unknown; check the tables before trying again"
    ),
    "database_silent": "the database did not answer for a long time and was given up",
    "embedded_server_failed": "the embedded PostgreSQL could not be started; the service's log says why",
    "refused_no_password": "a password is needed and none was given",
    "refused_wrong_password": "the user name or the password is wrong",
    "refused_no_login": "the role is not permitted to log in",
    "refused_by_hba": "the server does not accept such connections from this machine (pg_hba.conf)",
    "refused_no_such_role": "the role does not exist",
    "refused_no_such_database": "the database does not exist",
    "refused_no_privilege": "the role may not connect to this database",
    "refused_too_many_clients": "the database has too many clients already",
    "refused_not_ready": "the database is starting, stopping or recovering",
    "refused_no_tls": "the server does not support TLS",
    "refused_channel_binding": "channel_binding=require needs TLS, and a server that authenticates with SCRAM over it",
    "refused_options": "the server does not understand the connection string's options, such as endpoint",
    "refused_certificate": "the TLS certificate is invalid or could not be verified",
    "refused_certificate_name": "the server's TLS certificate was not issued for this host name",
    "refused_no_root_certificate": (
        "there is no root certificate to verify the server by; set PG_SSL_ROOT_CERT or sslrootcert"
    ),
    "refused_session_attrs": "the server is not what target_session_attrs asks for (read-only, or a standby)",
    "refused_tls_failed": "the TLS handshake failed",
    "refused_no_such_host": "the host name cannot be resolved",
    "refused_timed_out": "the connection timed out",
    "refused_no_server": "the connection was refused: no database server listens on the port",
    "refused_unreachable": "the network is unreachable",
    "refused_connection_closed": "the server closed the connection",
    "refused_unknown": "the cause is unknown",
    # PostgreSQL: its tables, its privileges, its errors.
    "manifest_not_creatable": "the database cannot create the manifest's tables or keys",
    "writer_in_progress": "a restore or a truncating backup is running in the target database",
    "database_operation_failed": "the database operation failed",
    "database_rejected_data": "the database rejected the backup's data",
    "database_storage_full": "the database's storage is full",
    "database_read_only": "the target database is read-only",
    "database_operation_stopped": "the database operation was cancelled or timed out",
    "table_lock_timeout": "waiting for a table lock timed out; try again later",
    "privileges_lacking_or_row_security": "the database role lacks privileges, or row security would hide rows",
    "privileges_lacking": "the database role lacks privileges on {table}: {privileges}",
    "tables_hidden": (
        "the database role may not look at {tables}, so whether their rows refer to rows about to go or to change "
        "cannot be told; nothing was changed"
    ),
    "duplicate_rows": "duplicate rows: a row with the same primary or unique key exists",
    "references_to_changed_rows": "rows of other tables refer to rows about to go or to change",
    "references_to_emptied_tables": "foreign keys of other tables refer to the tables to be emptied",
    "references_to_changed_rows_unnamed": (
        "rows of other tables refer to rows about to go or to change; nothing was changed"
    ),
    "references_to_emptied_tables_unnamed": "other tables refer to the tables to be emptied; nothing was changed",
    "reference_forbids": "a foreign key of another table forbids it: {table}; nothing was changed",
    "tables_not_there": "the target database lacks {tables} (database {database}, schema {schema})",
    "tables_not_there_but": (
        "the target database lacks {tables} (database {database}, schema {schema}); "
        "tables with vector columns that it has: {others}"
    ),
    "vector_tables_left_out": "tables with vector columns that this backup leaves out: {tables}",
    "table_with_rows": "{table} ({rows} rows)",
    "table_with_about_rows": "{table} (about {rows} rows)",
    "table_with_more_rows": "{table} (more than {rows} rows)",
    "table_with_unknown_rows": "{table} (number of rows unknown)",
    "and_more": "and {count} more",
    "database_not_configured": (
        "no database is configured, so this is the embedded PostgreSQL; set DATABASE_URL, to embedded if that is meant"
    ),
    "no_rows_backed_up": "0 rows were backed up: {tables} is empty (database {database})",
    "rows_fell": (
        "{rows} rows of {tables} were backed up, less than half of the {before} in this database's last set {timestamp}"
    ),
    "schema_not_there": "the schema {schema} does not exist (database {database})",
    "schema_privilege_lacking": "the database role lacks {privilege} on the schema {schema}",
    "row_security_hides_rows": "row security would hide rows of {table} from the database role",
    "no_key_to_sync_by": "it has no primary or unique key: it can be replaced or appended to, not synced or merged",
    "column_types_unknown": "create_tables cannot make the types of these columns: {columns}",
    "temporary_privilege_lacking": "the database role lacks TEMPORARY on the database, which this operation needs",
    "extension_privilege_lacking": (
        "the database role may not make the extension vector; an administrator must make it first"
    ),
    "standby_conflict": (
        "the standby cancelled the operation because it conflicts with recovery; try again later, or set "
        "hot_standby_feedback = on there, or raise max_standby_streaming_delay"
    ),
    "replica_identity_missing": (
        "{table} is published (PUBLICATION) and has no primary key or REPLICA IDENTITY, so its rows can be neither "
        "updated nor deleted"
    ),
    "collection_name_repeated": (
        "duplicate rows: the collection name {name} exists or occurs twice in the backup, "
        "and {table} requires it to be unique"
    ),
    "column_requires_a_value": "the backup has no value for {column}, and {table} requires one (NOT NULL)",
    "rows_still_reference_emptied_table": "rows of {table} still refer to {referenced}; nothing was changed",
    "tables_missing": "the target database lacks the tables needed",
    "table_partitioned": "partitioned tables and tables with inheriting children are not supported: {table}",
    "table_unfit": "the table {table} can't be backed up or restored: {reason}",
    "is_a_view": "it is a view",
    "is_a_materialized_view": "it is a materialized view",
    "is_a_foreign_table": "it is a foreign table",
    "is_a_partition": "it is a partition; name its partitioned table",
    "is_a_system_table": "it is a system table, a temporary one or this service's own",
    "no_vector_tables": "the database {database} has no table with a vector column",
    "no_vector_stores": "the database {database} has no table of PGVectorStore",
    "is_no_vector_store": "its shape is not that of a table of PGVectorStore",
    "tables_changed_meanwhile": "the chosen tables changed between being found and being locked",
    "table_without_key": (
        "the table {table} has no primary key or unique key without NULLs, so its rows can't be compared one by one;"
        " use truncate_before_restore"
    ),
    "schema_not_creatable": "the database role may not create the schema {schema}",
    "where_column_missing": "the table {table} has no column {column}, which where names",
    "where_type_unfit": "where does not support the type of column {column} of {table}: {type}",
    "where_value_unfit": "a value of where is none of the column's type in {table}: {type}",
    "rename_meets": "rename would put the rows of two tables into one",
    "conflict_key_not_unique": "the table {table} has no unique key on {columns}",
    "conflict_key_without_on_conflict": "conflict_key needs on_conflict",
    "cycle_needs_owner": (
        "the foreign key {constraint} of {table} is part of a cycle; only the owner can defer it for the restore"
    ),
    "columns_missing": "the target table lacks columns of the backup",
    "columns_missing_in_table": "the target table {table} lacks columns of the backup: {columns}",
    "columns_missing_in_file": "the backup file lacks columns of the target table {table}: {columns}",
    "identity_differs": "{rows} rows of {table} differ in the identity column {column}, which cannot be updated",
    "column_type_differs": "a column of the target table {table} has another type than in the backup: {column}",
    "columns_narrower": (
        "columns of {table} have a type now in which values of the backup can be lost: {columns}; to load and count "
        'them all the same, restore with "allow_lossy": true'
    ),
    "values_narrowed": (
        "{table}: {rows} rows of the backup have other values now, because columns are narrower than in the backup: "
        "{columns}"
    ),
    "value_not_castable": "a value cannot be converted to {type}",
    "column_type_unsupported": "a column type of the backup is not supported and cannot be created",
    "column_type_not_made": "the column {column} of {table} is of type {type}, which is not supported",
    "types_missing": "the target database lacks the types or the extension needed",
    "schema_missing": "the target schema does not exist",
    "structure_differs": "the target table's structure differs from the backup's",
    "pgvector_missing": "the target database lacks the extension pgvector",
    "pgvector_not_installed": "the database server does not have pgvector installed",
    "clash_into_only_adds": "a restore as another layout only adds what isn't there yet",
    "clash_into_changes_nothing": (
        "a restore as another layout changes nothing that is there, so there is nothing to back up; to undo it, "
        "drop what it made"
    ),
    "clash_into_keeps_values": "a restore as another layout keeps every value as it was",
    "clash_into_is_atomic": "a restore as another layout is always atomic",
    "clash_into_makes_tables": "a restore as another layout makes its tables by itself",
    "clash_into_names_tables": "into.tables says where the rows go",
    "clash_into_takes_collections": "a restore as another layout takes whole collections or tables",
    "into_not_from": "a set of the layout {layout} can't be restored as {into}",
    "into_metadata_columns_unused": (
        "metadata_columns is for pgvectorstore: in langchain every column becomes a key of the metadata"
    ),
    "into_column_name": "no metadata column can be called {column}",
    "into_column_type": "metadata column {column}: the type {type} isn't among {known}",
    "into_table_taken": "{table} is there already: a restore as another layout makes new tables only",
    "into_tables_meet": (
        "the collections {collections} would all become the table {table}; say in into.tables what they are called"
    ),
    "into_collections_meet": (
        "the tables {tables} would all become the collection {collection}; say in into.tables what they are called"
    ),
    "into_dimensions": (
        "collection {collection} has vectors of {least} to {most} dimensions; a PGVectorStore table has one "
        "number of them"
    ),
    "into_without_embedding": (
        "collection {collection} has {rows} rows without an embedding, which a PGVectorStore table can't have"
    ),
    "into_not_a_store": (
        "{table} isn't a table of PGVectorStore: that has one key column, a text and one vector that are NOT NULL"
    ),
    "into_older_tables": (
        "the tables of the target have LangChain's old schema; a restore as another layout needs the new one"
    ),
    "into_collections_taken": "there are collections of these names already: {names}",
    "into_ids_taken": "ids that are there already, or in several of the tables: {ids}",
    "into_index_not_made": "the index {index} was not made on {table}",
    "into_columns_left": (
        "columns of langchain_pg_embedding that have no place in PGVectorStore were left out: {columns}"
    ),
    "into_description_left": "collection {collection}: its own metadata has no place in PGVectorStore and was left out",
    "into_without_dimensions": (
        "collection {collection} has no rows: its table has vectors of any dimensions, and no vector index"
    ),
    "into_search_column_left": "{table}: the column {column} of hybrid search was left out",
    # Drills.
    "drill_failed": "the drill failed",
    "drill_proven": "the backup is proven: restored into a server of its own, equal to the bit",
    "drill_not_proven": "the drill is done, but it does not prove the backup",
    "drill_unvouched": "no manifest vouches for the set",
    "drill_rows_lost": "{rows} rows of {table} came back, and the manifest says {expected}",
    "drill_rows_differ": "what came back differs from the backup",
    "drill_searches_differ": "{count} of the searches of the backup find other rows",
    "drill_disk_full": "the disk is too full for the drill; it was given up, and its database removed",
    "drill_needs_room": "the drill needs about {needed} of disk space, and {free} are free",
    "drill_server_failed": "the PostgreSQL of the drill could not be started",
    "drills_listed": "{count} backup sets were drilled",
    "no_whole_backup": "there is no backup of everything that a manifest vouches for: {path}",
    "database_is_the_source": (
        "the connected database is the one the backup was taken from, or may be; nothing was changed"
    ),
    # Resources: targets, storages, schedules, notifiers.
    "jobs_database_of_a_newer_version": (
        "the jobs database was changed by a newer version of the service: upgrade this one"
    ),
    "resource_exists": "there is a {kind} of that name already: {name}",
    "resource_unknown": "no such {kind}: {name}",
    "resource_read_only": "{name} is configured by the environment and can only be changed there",
    "resource_in_use": "{name} is used by these schedules: {users}",
    "resources_listed": "{count} found",
    "resources_of_environment_only": "the jobs database is unavailable: only what the environment configures is listed",
    "resource_created": "created",
    "resource_shown": "resource",
    "resource_changed": "changed",
    "resource_deleted": "deleted",
    "resource_works": "the test passed",
    "secret_key_missing": "SECRET_KEY is not set: secrets are encrypted before they are stored in the jobs database",
    "secret_key_unknown": "the key {key_id} is not there: the secrets of {name} were encrypted with it",
    "secret_damaged": "what was encrypted of {name} is damaged",
    "secret_key_file_unusable": "the file of the secret key can't be read or written",
    "secret_key_file_open_to_others": "other users may read the file of the secret key: make its mode 0600",
    "zone_unknown": "there is no such time zone; zones have IANA names, such as Asia/Shanghai",
    "schedule_never_due": (
        "no such time or time zone, or a time that never comes: five fields of cron, or hourly, daily, weekly, monthly"
    ),
    "schedule_needs_a_named_target": "a schedule names its database: a URL may hold a password",
    "schedule_field_unsupported": "a schedule doesn't support {field}",
    "schedule_needs_a_database": (
        "no database is configured: name a target in pg_conn, or empty tables of the embedded one are backed up"
    ),
    "schedule_running": "the schedule {name} is running",
    "storage_url_invalid": "a storage is s3://bucket/prefix or s3+http://host:port/bucket/prefix, without credentials",
    "storage_directory_by_environment": "a directory can only be configured by the environment, in STORAGES",
    "storage_host_not_allowed": (
        "this host is not allowed for storages; ask the administrator to add it to STORAGE_ALLOWED_HOSTS"
    ),
    # Notifications.
    "notifier_host_unknown": "the host of the notifier's URL is unknown",
    "notifier_host_not_allowed": (
        "no notification may go to this host: not to this machine, its network, or a cloud's metadata; "
        "an administrator may add a host of the network to NOTIFY_ALLOWED_HOSTS"
    ),
    "notifier_url_invalid": "the URL of a notifier is not valid",
    "notifier_service_unknown": "this service is not supported; there are: {known}",
    "notifier_unreachable": "the notifier's host can't be reached, or doesn't speak HTTP",
    "notifier_answered": "the notifier's URL answered with HTTP {status}",
    "notifier_refused": "the service {service} did not take the message",
    "notifier_failed": "the notification could not be sent",
    "notifier_needs_apprise": "this service needs apprise: pip install -r requirements-notify.txt",
    "notifications_listed": "{count} notifications",
    "notice_failure": "failed: {subject}",
    "notice_success": "succeeded: {subject}",
    "notice_overdue": "backup overdue: {subject}",
    "notice_drill_failed": "drill failed: {subject}",
    "notice_recovered": "works again: {subject}",
    "notice_test": "a test: {subject}",
    "notice_cause": "Why: {cause}",
    "notice_target": "Database: {dbname} ({host}:{port})",
    "notice_backup": "Backup: {path} {timestamp}",
    "notice_due": "A good run should have been there by {time}",
    "notice_at": "Time: {time}",
    "notice_job": "Job: {job_id}",
    "configuration_usable": "the configuration can be used",
    "doctor_healthy": "every check has passed",
    "doctor_unhealthy": "{failed} checks have failed",
    "doctor_versions": "vector-backup {version}, Python {python}, libpq {libpq}",
    "doctor_database": "database {database} on PostgreSQL {version}",
    "doctor_pgvector": "pgvector {version}",
    "doctor_tables": "both tables are there",
    "doctor_tables_missing": "missing tables: {tables}; a restore with create_tables makes them",
    "doctor_clock": "{seconds} s apart from the clock of the database server",
    "doctor_storage": "it can be written and listed",
    "doctor_space": "{size} free",
    "doctor_space_low": "only {size} free",
    "doctor_queue": "the job queue answers",
    "doctor_trial": "{rows} rows were backed up, removed, restored and found identical; their schema is gone again",
    "doctor_trial_privilege": "not tried: the role may not create a schema in database {database}",
    "doctor_trial_different": "the restored rows differ from the backup",
    "milvus_unreachable": "the Milvus server can't be reached ({step})",
    "milvus_timeout": "the Milvus server did not answer in time ({step})",
    "milvus_login_refused": "the Milvus server refused the login ({step}): the token or password "
    "is wrong, or a privilege is "
    "missing",
    "milvus_unimplemented": "this Milvus server doesn't support {step}",
    "milvus_not_found": "Milvus has no {name} ({step})",
    "milvus_name_taken": "Milvus has a collection or an alias called {name} already",
    "milvus_disk_full": "the disk of the Milvus server is full ({step})",
    "milvus_memory_full": "the Milvus server is out of memory ({step})",
    "milvus_not_loaded": "collection {name} is not loaded and can't be read ({step})",
    "milvus_refused": "the Milvus server refused {step} of {name} (code {code})",
    "milvus_database_missing": "Milvus has no database {name}",
    "milvus_keys_unordered": "the keys of collection {name} did not come in order, or came twice: "
    "that all rows were read can't "
    "be said",
    "milvus_lite_failed": "the local milvus-lite can't be started, or another program uses its data directory",
    "milvus_length_untold": "the server doesn't tell the length of the elements of field {field} "
    "of collection {collection}; "
    "made again, it is the largest",
    "milvus_index_untold": "the server doesn't tell the parameters (M, efConstruction, …) of the "
    "index of field {field} of "
    "collection {collection}; made again, it has the server's defaults",
    "milvus_lite_untold": "milvus-lite doesn't tell descriptions, consistency levels and NULL in "
    "vectors: the backup has none",
    "milvus_index_failed": "an index of collection {name} could not be built",
    "milvus_nothing_there": "database {database} of Milvus has no collections",
    "milvus_field_unsupported": "field {field} of collection {collection} is of type {type}, which is not supported",
    "milvus_field_untried": "field {field} of collection {collection} is of type {type}, which was "
    "tried on no real server yet; "
    "MILVUS_UNTRIED_TYPES=1 allows it",
    "milvus_changed": "collection {name} changed while it was read: {read} rows were read, the server counted {before} "
    "before and {after} after",
    "milvus_changed_allowed": "collection {name} changed while it was read: {read} rows were read, "
    "{before} before and {after} "
    "after; the backup is not of one moment",
    "milvus_schema_changed": "the schema of collection {name} changed while it was read",
    "milvus_was_unloaded": "collection {name} was not loaded; it was loaded for the backup and released afterwards",
    "milvus_backup_failed": "the Milvus backup failed",
    "milvus_restore_done": "Milvus restore complete",
    "milvus_restore_planned": "Milvus restore rehearsed, nothing was changed",
    "milvus_restore_failed": "the Milvus restore failed",
    "milvus_compare_same": "identical",
    "milvus_compare_different": "different",
    "milvus_compare_failed": "the comparison with Milvus failed",
    "milvus_collection_not_in_set": "the set has no collection {name}",
    "milvus_names_meet": "two collections would be restored as {name}",
    "milvus_name_invalid": "{name} is no name of a collection",
    "milvus_options_clash": "{one} and {other} exclude each other",
    "milvus_nothing_to_merge_into": "there is no collection {name} to merge into",
    "milvus_schema_differs": "collection {name} has another schema than the backup: {fields}",
    "milvus_auto_id_merge": "the keys of collection {name} are made by the server: rows can't be merged by them",
    "milvus_auto_id_swap": 'the keys of collection {name} are made by the server: ask for "keys": "new", '
    "so that it makes new ones, or restore beside it",
    "milvus_auto_id_off": "the keys of collection {name} were made by the server; restored, rows "
    "keep the keys they had and "
    "autoID is off",
    "milvus_keys_new": "rows of collection {name} got new keys",
    "milvus_aliases_left": "aliases {aliases} were not made with collection {name}: they are the original's",
    "milvus_expectation_database": "the target's database is {found}, not {expected}",
    "milvus_expectation_rows": "collection {name} has {found} rows, not the expected {expected}",
    "milvus_rows_differ": "the restored rows of collection {name} differ from the backup: "
    "{expected} rows were written, "
    "{found} read back",
    "milvus_drill_type": "field {field} of collection {collection} is of type {type}, which milvus-lite doesn't have: "
    "there is no drill of it",
    "milvus_drill_index": "milvus-lite doesn't have the index {type} of field {field} of collection {collection}: "
    "the drill did not make it",
    "milvus_old_stays": "the name {name} still means the old collection; aliases {aliases} now mean {new}",
    "milvus_old_kept": "the old collection stays as {name} until it is dropped",
    "milvus_in_progress": "collection {name} is being restored",
    "milvus_no_intents": "a restore of Milvus needs the jobs database, so that it can be "
    "finished or reverted after a crash",
    "milvus_set_digest": "the content of {file} has another digest than the set says",
    "milvus_partial_swap": "the set was taken while others wrote (allow_changes): it is not of one moment",
    "parquet_unreadable": "the Parquet file can't be read",
    "parquet_columns_differ": "the columns of the Parquet file are not those of the collection",
    "parquet_group_too_large": "a row group of the Parquet file unpacks to more than {megabytes} MB",
    "into_milvus_no_manifest": "a set without a manifest can't be restored into Milvus",
    "into_milvus_key": "table {table} has no key of one column: it can't be a collection of Milvus",
    "into_milvus_type": "column {column} of table {table} is of type {type}, which has no counterpart in Milvus",
    "into_milvus_dimensions": "the vectors of collection {name} differ in their dimensions; a field of Milvus has one",
    "into_milvus_no_vector": "table {table} has no vector column, of which a collection of Milvus needs one",
    "into_milvus_value": "column {column} of table {table} has a value that Milvus can't keep: {reason}",
    "into_milvus_as_text": "column {column} of type {type} becomes text in Milvus",
    "into_milvus_as_float": "column {column} of half vectors becomes floats of 32 bits in Milvus, each value exact",
    "into_milvus_metadata_key": "key {key} of the metadata of collection {name} is called like a field",
    "into_milvus_too_long": "longer than 65,535 bytes",
    "into_milvus_indexes": "indexes of PostgreSQL were not carried over; the vector field has {index}",
    "from_milvus_type": "field {field} of collection {collection} is of type {type}, which has "
    "no counterpart in PostgreSQL",
    "from_milvus_value": "field {field} of collection {collection} has a value that PostgreSQL can't keep: {reason}",
    "from_milvus_nan": "NaN or Infinity",
    "from_milvus_nul": "U+0000",
    "from_milvus_shape": "collection {collection} can't become one of LangChain's: it needs one "
    "text field and one field of "
    "float vectors",
    "from_milvus_dynamic": "the dynamic fields of collection {collection} are in column {column}",
    "param_needs": "{field} needs {other}",
    "compare_one_other": "give either target or with",
    "into_milvus_array": "an array of several dimensions, or with NULL in it",
    "into_milvus_vector_missing": "the row has no vector",
    "into_milvus_server_only": "a text that only PostgreSQL can read",
    "into_milvus_metadata_object": "metadata that is no object",
    "into_milvus_empty": "collection {name} has no rows, so its dimensions are unknown: it was not made",
    "milvus_not_read_back": "collection {name} has no index, so the server can't load it: the "
    "restored rows were not read back",
    "compare_fields_left": "fields {fields} of collection {name} were not compared: the other side has none alike",
    # Redis
    "redis_unreachable": "the Redis server can't be reached",
    "redis_login_refused": "the Redis server refuses the login: check user and password",
    "redis_connection_lost": "the connection to the Redis server was lost",
    "redis_silent": "the Redis server has stopped answering",
    "redis_busy": "the Redis server is loading, or busy: try again later",
    "redis_permission_denied": "the Redis user may not run {command}",
    "redis_command_unknown": "the Redis server has no command {command}, or it was renamed",
    "redis_command_failed": "the Redis server refuses {command}",
    "redis_read_only": "this Redis server is a replica: restore into its primary",
    "redis_memory_full": "the Redis server has no memory left; nothing was changed",
    "redis_needs_memory": "the backup needs {needed} of the Redis server's memory, of which {free} are free "
    "(maxmemory-policy {policy}); nothing was written",
    "redis_no_such_database": "the Redis server has no database of this number",
    "redis_cluster": "Redis Cluster is not supported: it has one database only, and none to restore into beside it",
    "redis_sentinel": "this is a Redis Sentinel: name the primary that it watches",
    "redis_too_old": "Redis {version} is too old: 7.0 or newer is needed",
    "redis_type_unsupported": "keys of type {type} are a module's, and can't be backed up; limit the backup to "
    "other keys",
    "redis_key_too_large": "key {key} is larger than LARGEST_FIELD_MB",
    "redis_key_changes": "key {key} changes faster than it can be read; use snapshot or paused",
    "redis_database_is_scratch": "a restore is at work in database {database}",
    "redis_server_missing": "a snapshot needs a redis-server on this machine: none is on PATH, nor named by "
    "REDIS_SERVER_BIN; use paused or live",
    "redis_server_bin_missing": "REDIS_SERVER_BIN names no program that can be run",
    "redis_scratch_failed": "the scratch Redis server could not be started",
    "redis_no_snapshot": "no snapshot: {reason}",
    "redis_snapshot_newer_source": "the server is newer than this machine's redis-server",
    "redis_snapshot_denied": "the user may not replicate (PSYNC, REPLCONF)",
    "redis_snapshot_refused": "the server refuses replication",
    "redis_snapshot_stalled": "the replica got no further",
    "redis_snapshot_needs_memory": "a snapshot needs {needed} of this machine's memory, of which {free} are "
    "free; use paused or live",
    "redis_replica_not_paused": "this server is a replica, whose writes are its primary's and don't wait; use "
    "snapshot, or the primary",
    "redis_pause_too_long": "writers have waited {seconds} s, the limit (REDIS_PAUSE_SECONDS); the backup was given up",
    "redis_pause_lost": "something was written although writers were paused; nothing was kept",
    "redis_record_invalid": "{file} line {line}: no record of a key",
    "redis_no_record": "no record",
    "redis_payload_newer": "the keys are of a newer server (format {version}); nothing was changed",
    "redis_payload_invalid": "key {key} can't be restored: its payload is invalid; nothing was changed",
    "redis_key_differs": "key {key} differs from the backup after it was loaded; nothing was changed",
    "redis_keys_vanished": "{keys} loaded keys have vanished: the server evicts keys; nothing was changed",
    "redis_restore_in_progress": "another restore is at work on this Redis server's database",
    "redis_no_empty_database": "the restore needs {needed} empty database numbers on the Redis server, and "
    "there aren't as many",
    "redis_claim_lost": "the restore's claim on its scratch database has run out; nothing was changed",
    "redis_scratch_busy": "another client writes into the empty database that was taken for the restore; "
    "nothing was changed",
    "redis_scratch_not_ours": "another client has written into database {database}, which was taken for the "
    "restore; nothing was changed",
    "redis_functions_refused": "the Redis server refuses a function or a user of the backup; nothing was changed",
    "redis_outcome_unknown": "the connection was lost while the restore was put in place, and the server can't "
    "be asked: the outcome is unknown",
    "redis_set_without": "the backup has no {what}",
    # Operations on Redis
    "redis_backup_failed": "the backup of Redis failed",
    "redis_restore_failed": "the restore of Redis failed",
    "redis_restored": "the databases of Redis are restored",
    "redis_merged": "the keys of the backup were added to the databases of Redis",
    "redis_rehearsed": "the restore of Redis would work",
    "redis_rehearsed_with_problems": "the restore of Redis would fail",
    "redis_live_backup": "the backup is of no one moment: keys were read one after the other while others wrote",
    "redis_live_set": "the backup is of no one moment: it was taken live",
    "redis_functions_left": "libraries of functions of the backup that were left out: {libraries}; functions: "
    "true restores them",
    "redis_partial_set_replaces": "the backup has only keys that match {pattern}, and can't replace a "
    "database: use mode merge",
    "redis_field_of_another_mode": "{field} means nothing with mode {mode}",
    "redis_databases_repeated": "a database number stands there twice",
    "redis_databases_meet": "two databases of the backup would go into one",
    "redis_set_without_database": "the backup has no database {database}, only: {databases}",
    "redis_compare_with_one": "either target or with has to be given, and not both",
    "drill_not_of_store": "there are no drills of {layout}",
    # Whole databases: archives of pg_dump, and their way in and out.
    "archive_not_custom": "the file is no archive of pg_dump's custom format (plain SQL is not supported)",
    "archive_damaged": "the archive is incomplete or damaged",
    "archive_format_unknown": "the version of the archive's format is not supported: {version}",
    "archive_untrusted": (
        "an archive runs its maker's code with the privileges of the target's role, and this service did not make this"
        " one; if its source can be trusted, set trusted=true"
    ),
    "archive_untrusted_role": (
        "an archive runs its maker's code, and the target's role is a superuser or may use programs and files of the"
        " server; if its source can be trusted, set trusted=true"
    ),
    "archive_too_large": "the file is larger than {most}",
    "database_export_busy": "another administrator is running a backup operation, try again later",
    "database_export_busy_details": "for consistent data only one backup operation runs at a time",
    "dump_in_progress": "the database is being exported",
    "dump_needs_newer": "no pg_dump fits: the server is {server}, which needs a pg_dump of that version or a newer one",
    "restore_is_downward": "the archive is of PostgreSQL {archive} and can't go into the older server {server}",
    "restore_needs_other": "no pg_restore fits: pg_dump {archive} made the archive, and the server is {server}",
    "export_failed": "the database could not be exported",
    "import_failed": "the database could not be imported",
    "dump_failed": "pg_dump failed: {reason}",
    "restore_child_failed": "pg_restore failed: {reason}",
    "restore_child_failed_at": "pg_restore failed at {entry}: {reason}",
    "child_connection": "no connection to the database",
    "child_authentication": "the database refused the login",
    "child_privilege": "a privilege is lacking",
    "child_no_database": "there is no such database",
    "child_memory": "out of memory",
    "child_disk_full": "the disk is full",
    "child_damaged": "the archive is damaged",
    "child_dependents": "other objects depend on what would be dropped: {dependents}",
    "child_dependents_unnamed": "other objects depend on what would be dropped",
    "child_extension": "an extension is missing",
    "child_lock": "a lock was not to be had in time",
    "child_many_locks": "max_locks_per_transaction of the server is too small",
    "child_references": "rows refer to rows that aren't there",
    "child_other": "the database refused the operation",
    "child_killed": "the process was ended",
    "child_exists": "the object exists",
    "child_duplicate": "a key exists already",
    "child_no_role": "the role does not exist",
    "lock_not_had": "a lock was waited for longer than {seconds} seconds; it is held by: {holders}",
    "locks_too_few": (
        "the archive needs about {needed} locks and the server has {most} at most; raise max_locks_per_transaction"
    ),
    "extensions_missing": "the server lacks extensions that the archive needs: {names}",
    "import_began": "importing {database} (PostgreSQL {version}, {entries} objects) with pg_restore {tool}",
    "import_object": "restoring {what}",
    "import_complete": "the database is imported",
    "import_partial": "the database is imported, but these tables stayed as they were: {tables}",
    "migration_began": "running the migration",
    "migration_line": "migration: {line}",
    "migration_done": "the migration is done",
    "migration_failed": "the data is imported, but the migration failed (exit code {code})",
    "migration_timed_out": "the data is imported, but the migration took longer than {seconds} seconds and was ended",
    "migration_not_started": "the data is imported, but the migration could not be started",
    "form_field_unknown": "unknown field of the form: {field}",
    "form_field_twice": "field of the form given twice: {field}",
    "form_field_not_boolean": "{field} is wrong: it must be true or false",
    "form_field_not_json": "{field} is wrong: it must be JSON",
    # Reference data: files that are merged into a table.
    "import_url_answered": "the server of the reference data answered with {status}",
    "import_url_invalid": "invalid url: it must be an http or https URL without a user",
    "import_url_not_allowed": "this URL is not allowed; ask the administrator to add it to IMPORT_ALLOWED_URLS",
    "import_url_unreachable": "the server of the reference data cannot be reached",
    "reference_columns_missing": "the table requires these columns, and no entry has them: {columns}",
    "reference_entry": "entry {number}",
    "reference_imported": "the reference data is in the table",
    "reference_json_broken": "the file is no valid JSON: line {line}, column {column}",
    "reference_keep_unknown": (
        "keep names a column that can't be compared, or that the table doesn't have: {column}; columns: {columns}"
    ),
    "reference_key_differs": "entry {entry} has another value of {column} than the one it is called by",
    "reference_key_not_unique": "table {table} has no unique key over these columns: {columns}",
    "reference_key_twice": "{entry} has the same key as {other}",
    "reference_line": "line {line}",
    "reference_line_broken": "the file is no valid CSV: line {line}",
    "reference_name_twice": "an object of the file has a name twice: {name}",
    "reference_no_entries": "the file has no entries",
    "reference_no_header": (
        "the file is neither JSON, TOML nor JSON lines, nor CSV with a header line that has the key columns: {key}"
    ),
    "reference_no_object": "{entry} is no object",
    "reference_not_utf8": "the file is not UTF-8",
    "reference_overwrite_without_keep": "invalid overwrite: it needs keep",
    "reference_rehearsed": "the reference data could be merged; nothing was changed",
    "reference_toml_broken": "the file is no valid TOML: line {line}",
    "reference_too_large": "the file of reference data is larger than {most} MB",
    "reference_unknown_column": "{entry} has a column that the table doesn't have: {column}; columns: {columns}",
    "reference_value_missing": "{entry}: {column} requires a value",
    "reference_values_wrong": "the values don't fit the columns {columns}",
    "reference_without_key": "{entry} has no value of a key column",
    "reference_wrong_type": "{entry}: the value of {column} is of a wrong type",
    "table_import_failed": "the import of reference data failed",
    "too_many_database_streams": "too many exports and imports are under way, try again later",
    # Neo4j
    "neo4j_unreachable": "the Neo4j server can't be reached, or the connection was lost",
    "neo4j_login_refused": "the Neo4j server refuses the login: check user and password",
    "neo4j_permission_denied": "the Neo4j user lacks a privilege",
    "neo4j_no_such_database": "the Neo4j server has no database of this name",
    "neo4j_memory_full": "the transaction doesn't fit into the Neo4j server's memory; nothing was changed",
    "neo4j_constraint_violated": "a constraint of the Neo4j database refuses the graph; nothing was changed",
    "neo4j_schema_refused": "the Neo4j server refuses a constraint or an index",
    "neo4j_schema_unknown": "a constraint or an index of type {type} is not known",
    "neo4j_refused": "the Neo4j server refuses a statement",
    "neo4j_record_invalid": "{file} line {line}: no record of a graph",
    "neo4j_no_record": "no record",
    "neo4j_value_unsupported": "a property of {what} has a value that the driver can't carry: a year before 1, "
    "or an offset with seconds",
    "neo4j_graph_differs": "the graph differs from the backup after it was loaded; nothing was changed",
    "neo4j_not_empty": "the Neo4j database is not empty: use mode replace or merge",
    "neo4j_needs_memory": "the restore needs about {needed} of the Neo4j server's memory for one transaction, "
    "the limit is {limit}: restore into an empty database, which takes batches; nothing was changed",
    "neo4j_merge_without_key": "{label} has no key to merge by: name it in merge_keys; nothing was changed",
    "neo4j_key_not_unique": "several nodes of the Neo4j database have the same key; nothing was changed",
    "neo4j_lock_lost": "the restore's lock on the Neo4j database has run out; what it made is removed",
    "neo4j_restore_in_progress": "another restore is at work on this Neo4j database",
    "neo4j_keys_of_a_merge": "merge_keys belongs to mode merge, and a merge needs it",
    "neo4j_live": "the backup is of no one moment: the graph was read while others could write",
    "neo4j_left_out": "{count} relationships were left out: their nodes were made while the graph was read",
    "neo4j_backup_failed": "the backup of Neo4j failed",
    "neo4j_restore_failed": "the restore of Neo4j failed",
    "neo4j_restored": "the graph of Neo4j is restored",
    "neo4j_rehearsed": "the restore of Neo4j would work",
    "neo4j_rehearsed_with_problems": "the restore of Neo4j would fail",
    "milvus_target_unclear": "which Milvus is meant isn't certain: set MILVUS_TARGET to one of {targets}",
    "swap_sessions_remain": "sessions of database {database} come back again and again: it was not swapped",
    "queue_database_refused": "the database of the job queue can't be replaced",
    "rows_not_as_promised": "what was restored has other numbers of rows than the manifest says: {tables}",
    "database_swapped": "database {database} is replaced; the one before is kept as {kept}",
    "database_restored_beside": "restored into the new database {database}",
    "params_clash_swap_and_mode": "swap is for mode new_database, not {mode}",
    "params_clash_clean_is_atomic": "mode clean is always atomic: atomic can't be false",
    "params_clash_atomic_new_database": "atomic is not for mode new_database",
    "drill_table_differs": "what came back of {table} differs from the backup",
    "drill_left_out": "not restored in the drill: {entry}",
}
