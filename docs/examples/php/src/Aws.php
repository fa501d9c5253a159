<?php

declare(strict_types=1);

/**
 * What this example needs of AWS, without a library: the instance's credentials, a secret, a presigned address.
 * An application of some size takes aws/aws-sdk-php, which does the same.
 */
final class Aws
{
    private const TIMEOUT_S = 5;

    /** The value of a secret, by its ARN; kept for a minute, so that a new value comes without a new version. */
    public static function secret(string $arn): string
    {
        return self::kept("secret $arn", 60, function () use ($arn): string {
            $body = json_encode(['SecretId' => $arn], JSON_THROW_ON_ERROR);
            $answer = self::call('secretsmanager', 'secretsmanager.GetSecretValue', $body);

            return json_decode($answer, true, 8, JSON_THROW_ON_ERROR)['SecretString'];
        });
    }

    /** An address at which one object may be read (GET) or written (PUT) for some minutes, by whoever has it. */
    public static function presigned(string $method, string $bucket, string $key, int $seconds = 300): string
    {
        $given = self::credentials();
        $region = self::region();
        $endpoint = getenv('AWS_ENDPOINT_URL') ?: "https://$bucket.s3.$region.amazonaws.com";
        $path = (getenv('AWS_ENDPOINT_URL') ? "/$bucket" : '') . '/' . implode('/', array_map('rawurlencode', explode('/', $key)));
        $now = gmdate('Ymd\THis\Z');
        $scope = substr($now, 0, 8) . "/$region/s3/aws4_request";
        $query = [
            'X-Amz-Algorithm' => 'AWS4-HMAC-SHA256',
            'X-Amz-Credential' => "{$given['AccessKeyId']}/$scope",
            'X-Amz-Date' => $now,
            'X-Amz-Expires' => (string) $seconds,
            'X-Amz-SignedHeaders' => 'host',
        ];
        if ($given['Token'] !== '') {
            $query['X-Amz-Security-Token'] = $given['Token'];
        }
        ksort($query);
        $asked = http_build_query($query, '', '&', PHP_QUERY_RFC3986);
        $request = "$method\n$path\n$asked\nhost:" . self::host($endpoint) . "\n\nhost\nUNSIGNED-PAYLOAD";
        $signature = self::sign($given['SecretAccessKey'], $region, 's3', $now, $request);

        return "$endpoint$path?$asked&X-Amz-Signature=$signature";
    }

    private static function call(string $service, string $target, string $body): string
    {
        $given = self::credentials();
        $region = self::region();
        $endpoint = getenv('AWS_ENDPOINT_URL') ?: "https://$service.$region.amazonaws.com";
        $now = gmdate('Ymd\THis\Z');
        $headers = [
            'content-type' => 'application/x-amz-json-1.1',
            'host' => self::host($endpoint),
            'x-amz-date' => $now,
            'x-amz-target' => $target,
        ];
        if ($given['Token'] !== '') {
            $headers['x-amz-security-token'] = $given['Token'];
        }
        ksort($headers);
        $signed = implode(';', array_keys($headers));
        $lines = '';
        foreach ($headers as $name => $value) {
            $lines .= "$name:$value\n";
        }
        $request = "POST\n/\n\n$lines\n$signed\n" . hash('sha256', $body);
        $signature = self::sign($given['SecretAccessKey'], $region, $service, $now, $request);
        $scope = substr($now, 0, 8) . "/$region/$service/aws4_request";
        $headers['authorization'] = "AWS4-HMAC-SHA256 Credential={$given['AccessKeyId']}/$scope, SignedHeaders=$signed, Signature=$signature";

        return self::http('POST', "$endpoint/", $headers, $body);
    }

    /** Signature Version 4 of a canonical request. */
    private static function sign(string $secret, string $region, string $service, string $now, string $request): string
    {
        $key = "AWS4$secret";
        foreach ([substr($now, 0, 8), $region, $service, 'aws4_request'] as $part) {
            $key = hash_hmac('sha256', $part, $key, true);
        }
        $scope = substr($now, 0, 8) . "/$region/$service/aws4_request";

        return hash_hmac('sha256', "AWS4-HMAC-SHA256\n$now\n$scope\n" . hash('sha256', $request), $key);
    }

    /** @return array{AccessKeyId: string, SecretAccessKey: string, Token: string} */
    private static function credentials(): array
    {
        if ($key = getenv('AWS_ACCESS_KEY_ID')) {
            return [
                'AccessKeyId' => $key,
                'SecretAccessKey' => (string) getenv('AWS_SECRET_ACCESS_KEY'),
                'Token' => (string) getenv('AWS_SESSION_TOKEN'),
            ];
        }
        if (getenv('AWS_EC2_METADATA_DISABLED') === 'true') {
            throw new RuntimeException('AWS: there are no credentials.');
        }
        // The instance's role, by IMDSv2: version 1 is off.
        $found = self::kept('credentials', 300, function (): string {
            $place = rtrim(getenv('AWS_EC2_METADATA_SERVICE_ENDPOINT') ?: 'http://169.254.169.254', '/');
            $token = self::http('PUT', "$place/latest/api/token", ['x-aws-ec2-metadata-token-ttl-seconds' => '300']);
            $list = "$place/latest/meta-data/iam/security-credentials/";
            $headers = ['x-aws-ec2-metadata-token' => $token];

            return self::http('GET', $list . trim(self::http('GET', $list, $headers)), $headers);
        });

        return json_decode($found, true, 8, JSON_THROW_ON_ERROR);
    }

    private static function region(): string
    {
        return (string) getenv('AWS_REGION');
    }

    private static function host(string $endpoint): string
    {
        return substr($endpoint, strpos($endpoint, '//') + 2);
    }

    /** @param array<string, string> $headers */
    private static function http(string $method, string $address, array $headers, string $body = ''): string
    {
        $request = curl_init($address);
        $lines = array_map(fn (string $name, string $value): string => "$name: $value", array_keys($headers), $headers);
        curl_setopt_array($request, [
            CURLOPT_CUSTOMREQUEST => $method,
            CURLOPT_HTTPHEADER => $lines,
            CURLOPT_POSTFIELDS => $body,
            CURLOPT_RETURNTRANSFER => true,
            CURLOPT_TIMEOUT => self::TIMEOUT_S,
        ]);
        $answer = curl_exec($request);
        $status = curl_getinfo($request, CURLINFO_RESPONSE_CODE);
        if ($answer === false || $status >= 300) {
            // Neither the request nor the answer goes into the log: both may hold a secret.
            throw new RuntimeException('AWS: ' . ($answer === false ? curl_error($request) : "status $status"));
        }

        return $answer;
    }

    private static function kept(string $name, int $seconds, callable $make): string
    {
        if (!function_exists('apcu_entry')) {
            return $make();
        }

        return apcu_entry($name, $make, $seconds);
    }
}
