<?php

declare(strict_types=1);

/*
 * Runs beside the server on every instance, and works on the one that leads: it holds a lock of the database, which
 * goes with its connection. Migrations first, then jobs, each minute. Where the database takes no writes (the region
 * stands by, or a switchover is on), nobody leads.
 */

foreach (['Aws', 'Database'] as $class) {
    require __DIR__ . "/src/$class.php";
}

const EVERY_S = 60;
const LOCK = 'switchyard-leader';

/** Each file of migrations/ once, in the order of their names. MySQL ends a transaction with each CREATE or ALTER, so
 * a file holds one statement, and one that failed is tried again. */
function migrate(PDO $database): void
{
    $database->exec('CREATE TABLE IF NOT EXISTS migrations (name VARCHAR(100) NOT NULL PRIMARY KEY)');
    $done = $database->query('SELECT name FROM migrations')->fetchAll(PDO::FETCH_COLUMN);
    foreach (glob(__DIR__ . '/migrations/*.sql') as $file) {
        if (!in_array(basename($file), $done, true)) {
            $database->exec((string) file_get_contents($file));
            $database->prepare('INSERT INTO migrations (name) VALUES (?)')->execute([basename($file)]);
            fwrite(STDOUT, 'migrated ' . basename($file) . "\n");
        }
    }
}

function jobs(PDO $database): void
{
    $database->exec('DELETE FROM sessions WHERE used_at < NOW() - INTERVAL 1 DAY LIMIT 1000');
}

while (true) {
    try {
        $database = Database::writer();
        if (Database::takesWrites($database) && $database->query("SELECT GET_LOCK('" . LOCK . "', 5)")->fetchColumn() == 1) {
            migrate($database);
            while (true) {
                jobs($database);
                sleep(EVERY_S);
                // Another database may have taken over: then the lock is gone, and somebody else may lead.
                if ($database->query("SELECT IS_USED_LOCK('" . LOCK . "') = CONNECTION_ID()")->fetchColumn() != 1) {
                    break;
                }
            }
        }
    } catch (PDOException | RuntimeException $problem) {
        fwrite(STDERR, 'worker: ' . $problem->getMessage() . "\n");
    }
    $database = null;
    sleep(10);
}
