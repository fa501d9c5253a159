<?php

declare(strict_types=1);

/** Connections over TLS, by the secret; one per request, and anew after a failover. */
final class Database
{
    /** To write, and to read what was just written. */
    public static function writer(): PDO
    {
        return self::connection((string) getenv('DATABASE_HOST'));
    }

    /** To read what may be some milliseconds old. */
    public static function reader(): PDO
    {
        return self::connection(getenv('DATABASE_READER_HOST') ?: (string) getenv('DATABASE_HOST'));
    }

    /** Whether this region's database takes writes: not while the region stands by, nor during a switchover. */
    public static function takesWrites(PDO $connection): bool
    {
        return (int) $connection->query('SELECT @@innodb_read_only')->fetchColumn() === 0;
    }

    private static function connection(string $host): PDO
    {
        if ($host === '') {
            throw new RuntimeException('DATABASE_HOST is not set.');
        }
        $secret = json_decode(Aws::secret((string) getenv('DATABASE_SECRET_ARN')), true, 8, JSON_THROW_ON_ERROR);
        $port = getenv('DATABASE_PORT') ?: '3306';
        $name = getenv('DATABASE_NAME') ?: 'app';

        return new PDO("mysql:host=$host;port=$port;dbname=$name;charset=utf8mb4", $secret['username'], $secret['password'], [
            PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION,
            PDO::ATTR_TIMEOUT => 5,
            // A connection that lives longer than a request may lead to a database that no longer takes writes.
            PDO::ATTR_PERSISTENT => false,
            PDO::MYSQL_ATTR_SSL_CA => getenv('DATABASE_CA') ?: '/etc/ssl/certs/ca-certificates.crt',
            PDO::MYSQL_ATTR_SSL_VERIFY_SERVER_CERT => true,
        ]);
    }
}
