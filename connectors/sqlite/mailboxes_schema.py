"""The tables behind mailboxes.

Listings lie together: the lines of a folder are clustered by (folder, mail), newest last,
so that a page reads a few neighbouring disk pages however large the folder and however many
mailboxes share the file. Whole messages, compressed, lie apart. Users and folders have small
numbers, UUIDs are kept as 16 bytes.
"""

# Most compressed mails have 1 to 4 KB: in pages of 4 KiB a third of the file would be gaps.
PAGE_BYTES = 8_192
ERASED = -1  # for the bytes that a mailbox holds, when its user is gone

LINE = (
    "folder_no, email_id, is_read, is_starred, thread_id, changed_seq, from_name, from_address,"
    " recipients, subject, snippet, has_attachments, size_bytes, created_us, spam_probability,"
    " marks"
)
MIGRATIONS = (
    """
    CREATE TABLE users (
        user_no INTEGER PRIMARY KEY,
        user_id TEXT NOT NULL UNIQUE,
        seq INTEGER NOT NULL,
        used_bytes INTEGER NOT NULL
    );
    CREATE TABLE folders (
        folder_no INTEGER PRIMARY KEY,
        user_no INTEGER NOT NULL,
        folder_id TEXT NOT NULL,
        name TEXT NOT NULL,
        is_deleting INTEGER NOT NULL,
        total_count INTEGER NOT NULL,
        unread_count INTEGER NOT NULL,
        UNIQUE (user_no, folder_id)
    );
    -- Every mail there ever was, by its id. Those gone for good have no folder any more.
    CREATE TABLE emails (
        user_no INTEGER NOT NULL,
        email_id BLOB NOT NULL,
        folder_no INTEGER,
        body_no INTEGER,
        thread_id BLOB,
        PRIMARY KEY (user_no, email_id)
    ) WITHOUT ROWID;
    CREATE INDEX emails_by_thread ON emails (user_no, thread_id) WHERE thread_id IS NOT NULL;
    CREATE TABLE lines (
        folder_no INTEGER NOT NULL,
        email_id BLOB NOT NULL,
        is_read INTEGER NOT NULL,
        is_starred INTEGER NOT NULL,
        thread_id BLOB NOT NULL,
        changed_seq INTEGER NOT NULL,
        from_name TEXT NOT NULL,
        from_address TEXT NOT NULL,
        recipients TEXT NOT NULL,  -- as JSON
        subject TEXT NOT NULL,
        snippet TEXT NOT NULL,
        has_attachments INTEGER NOT NULL,
        size_bytes INTEGER NOT NULL,
        created_us INTEGER NOT NULL,
        spam_probability REAL,
        PRIMARY KEY (folder_no, email_id)
    ) WITHOUT ROWID;
    CREATE INDEX lines_by_read ON lines (folder_no, is_read, email_id);
    CREATE TABLE bodies (
        body_no INTEGER PRIMARY KEY,
        content BLOB NOT NULL  -- JSON, by zlib
    );
    CREATE TABLE copies (
        mail_id BLOB NOT NULL,
        user_no INTEGER NOT NULL,
        email_id BLOB NOT NULL,
        PRIMARY KEY (mail_id, user_no, email_id)
    ) WITHOUT ROWID;
    CREATE TABLE message_ids (
        user_no INTEGER NOT NULL,
        digest BLOB NOT NULL,
        thread_id BLOB NOT NULL,
        PRIMARY KEY (user_no, digest)
    ) WITHOUT ROWID;
    -- Threads that were taken up, each by the one that holds its mails now.
    CREATE TABLE merged (
        user_no INTEGER NOT NULL,
        thread_id BLOB NOT NULL,
        into_id BLOB NOT NULL,
        PRIMARY KEY (user_no, thread_id)
    ) WITHOUT ROWID;
    CREATE INDEX merged_by_into ON merged (user_no, into_id);
    -- What was applied and what it led to, in the order in which it was written.
    CREATE TABLE commands (
        command_no INTEGER PRIMARY KEY,
        user_no INTEGER NOT NULL,
        command_id BLOB NOT NULL,
        last_seq INTEGER,  -- of its changes, if it has any
        day INTEGER NOT NULL,  -- on which it was written, since 1970
        events BLOB NOT NULL
    );
    CREATE UNIQUE INDEX commands_by_id ON commands (user_no, command_id);
    CREATE INDEX commands_by_seq ON commands (user_no, last_seq) WHERE last_seq IS NOT NULL;
    """,
    """
    -- What few mails have, as ``connectors.mail_marks`` keeps it.
    ALTER TABLE lines ADD COLUMN marks BLOB;
    CREATE TABLE labels (
        label_no INTEGER PRIMARY KEY,
        user_no INTEGER NOT NULL,
        label_id TEXT NOT NULL,
        name TEXT NOT NULL,
        colour TEXT NOT NULL,
        is_deleting INTEGER NOT NULL,
        total_count INTEGER NOT NULL,
        unread_count INTEGER NOT NULL,
        UNIQUE (user_no, label_id)
    );
    -- The mails that carry each label, and whether they are read, so that a page of them is found.
    CREATE TABLE labelled (
        label_no INTEGER NOT NULL,
        email_id BLOB NOT NULL,
        is_read INTEGER NOT NULL,
        PRIMARY KEY (label_no, email_id)
    ) WITHOUT ROWID;
    CREATE INDEX labelled_by_read ON labelled (label_no, is_read, email_id);
    """,
    """
    ALTER TABLE folders ADD COLUMN parent_id TEXT NOT NULL DEFAULT '';
    """,
)
