<?php

declare(strict_types=1);

/*
 * GET  /              a page
 * GET  /healthz       200 while this process serves; it asks nobody else
 * GET  /notes         the notes; POST with a text adds one
 * GET  /visits        how often this browser came: a session
 * GET  /uploads/<key> sends the browser to the file; POST answers where it may be put
 */

foreach (['Aws', 'Database', 'Sessions'] as $class) {
    require __DIR__ . "/../src/$class.php";
}

header('X-Content-Type-Options: nosniff');
$path = (string) parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
$method = $_SERVER['REQUEST_METHOD'];

function answer(int $status, mixed $body): never
{
    http_response_code($status);
    header('Content-Type: application/json');
    echo json_encode($body, JSON_THROW_ON_ERROR | JSON_UNESCAPED_SLASHES), "\n";
    exit;
}

if ($path === '/healthz') {
    answer(200, ['status' => 'ok']);
}
try {
    if ($path === '/') {
        answer(200, ['environment' => getenv('SWITCHYARD_ENVIRONMENT')]);
    }
    if ($path === '/notes' && $method === 'POST') {
        $text = trim((string) ($_POST['text'] ?? ''));
        if ($text === '' || characters($text) > 500) {
            answer(422, ['error' => 'A note has 1 to 500 characters.']);
        }
        Database::writer()->prepare('INSERT INTO notes (text) VALUES (?)')->execute([$text]);
        answer(201, ['text' => $text]);
    }
    if ($path === '/notes') {
        $rows = Database::reader()->query('SELECT text FROM notes ORDER BY id DESC LIMIT 100');
        answer(200, ['notes' => $rows->fetchAll(PDO::FETCH_COLUMN)]);
    }
    if ($path === '/visits') {
        session_set_save_handler(new Sessions(), true);
        session_start();
        $_SESSION['visits'] = ($_SESSION['visits'] ?? 0) + 1;
        $visits = $_SESSION['visits'];
        session_write_close();
        answer(200, ['visits' => $visits]);
    }
    if (preg_match('#^/uploads/([A-Za-z0-9_.-]{1,100})$#', $path, $found)) {
        $bucket = (string) getenv('UPLOADS_BUCKET');
        if ($method === 'POST') {
            answer(200, ['put' => Aws::presigned('PUT', $bucket, "files/$found[1]")]);
        }
        header('Location: ' . Aws::presigned('GET', $bucket, "files/$found[1]"), true, 302);
        exit;
    }
    answer(404, ['error' => 'There is nothing here.']);
} catch (PDOException | RuntimeException $problem) {
    // A database that fails over is back within a minute: the request fails, the process goes on.
    error_log($problem::class . ': ' . $problem->getMessage());
    header('Retry-After: 10');
    answer(503, ['error' => 'The database or AWS does not answer. Try again.']);
}

/** Characters, not bytes, without the mbstring extension. */
function characters(string $text): int
{
    return (int) preg_match_all('/./us', $text);
}
