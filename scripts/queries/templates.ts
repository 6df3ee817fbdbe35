/** The CloudFormation templates of the saved queries and of the dashboard, out of deploy/queries. */
import { dashboardBody } from './dashboard.ts';
import { SAVED_QUERIES } from './saved-queries.ts';

const MADE = '# Made by npm run queries from deploy/queries: change those.\n';

export function queriesTemplate(): string {
  return `${MADE}AWSTemplateFormatVersion: '2010-09-09'
Description: >-
  Saved queries of CloudWatch Logs Insights over fargauge's lines, one for each question.

Parameters:
  LogGroupNames:
    Type: CommaDelimitedList
    Description: The log groups that hold the lines.
  Folder:
    Type: String
    Default: fargauge
    Description: The folder in which the console shows the queries.

Resources:
${SAVED_QUERIES.map(queryResource).join('\n')}`;
}

function queryResource({ name, text }: { readonly name: string; readonly text: string }): string {
  return `  ${pascalCase(name)}:
    Type: AWS::Logs::QueryDefinition
    Properties:
      Name: !Sub \${Folder}/${name}
      LogGroupNames: !Ref LogGroupNames
      QueryString: |
${indented(text.trimEnd(), 8)}
`;
}

export function dashboardTemplate(): string {
  return `${MADE}AWSTemplateFormatVersion: '2010-09-09'
Description: >-
  A CloudWatch dashboard over fargauge's lines: how many runs, how long, what they use of their size, what failed.
  Each look at it runs its queries, which are billed by the data that they scan.

Parameters:
  LogGroupNames:
    Type: CommaDelimitedList
    Description: The log groups that hold the lines.
  DashboardName:
    Type: String
    Default: fargauge
    AllowedPattern: '[A-Za-z0-9_-]{1,255}'
  LogRegion:
    Type: String
    Default: ''
    Description: The region of the log groups; empty for the stack's own.

Conditions:
  IsOwnRegion: !Equals [!Ref LogRegion, '']

Resources:
  Dashboard:
    Type: AWS::CloudWatch::Dashboard
    Properties:
      DashboardName: !Ref DashboardName
      DashboardBody: !Sub
        - |
${indented(dashboardBody(), 10)}
        - Region: !If [IsOwnRegion, !Ref AWS::Region, !Ref LogRegion]
          Sources: !Join ["' | SOURCE '", !Ref LogGroupNames]
`;
}

function pascalCase(name: string): string {
  return name.replaceAll(/(?:^|-)(\w)/g, (_, letter: string) => letter.toUpperCase());
}

function indented(text: string, width: number): string {
  return text.replaceAll(/^(?=.)/gm, ' '.repeat(width));
}
